import { fieldSql, rowsWhere, sight } from '../../access/door.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { apiKeys } from '../api-keys/schema.ts'
import { members } from '../members/schema.ts'
import type { ReportPrincipal } from './schema.ts'

interface Actor {
  actorKind: string
  actorId: string | null
  onBehalfOf: string | null
}

/** Members and keys by their names, as far as whoever asks may read these. Reading them is on record. */
export async function namesOf(
  tx: Tx,
  actors: readonly Actor[],
): Promise<(kind: string, id: string | null) => ReportPrincipal> {
  const { principal } = tx
  const names = new Map<string, string>()
  const idsOf = (kind: string) => actors.map((one) => (one.actorKind === kind ? one.actorId : null))
  await Promise.all(
    [
      { model: members, field: 'displayName', ids: [...idsOf('member'), ...actors.map((one) => one.onBehalfOf)] },
      { model: apiKeys, field: 'name', ids: idsOf('apiKey') },
    ].map(async ({ model, field, ids }) => {
      const wanted = [...new Set(ids.filter((id) => id !== null))]
      const rows = rowsWhere(principal, model, 'read')
      const seen = sight(principal, model, field)
      const value = seen && fieldSql(seen, 'select')
      if (!rows || !value || wanted.length === 0) return
      const found = await tx.query<{ id: string; name: string | null }>(
        sql`SELECT ${model.id} AS id, ${value} AS name FROM ${model.table} WHERE ${model.tenant} = ${principal.tenantId}::uuid AND ${model.id} = ANY (${array(wanted, 'uuid')}) AND ${rows}`,
      )
      const named = found.filter((row) => row.name !== null)
      for (const { id, name } of named) names.set(id, String(name))
      const look = seen.clear === true ? { shown: [field] } : { masked: [field] }
      if (named.length > 0) tx.touch({ resource: model.name, ids: named.map((row) => row.id), ...look })
    }),
  )
  return (kind, id) => {
    const name = id === null ? undefined : names.get(id)
    return { kind, id, ...(name === undefined ? {} : { name }) }
  }
}
