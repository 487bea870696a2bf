import { rowsWhere, sight } from '../../access/door.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { apiKeys } from '../api-keys/schema.ts'
import { auditEvents } from '../audit-events/schema.ts'
import { members } from '../members/schema.ts'

interface Actor {
  actorKind: string
  actorId: string | null
  onBehalfOf: string | null
}

/**
 * Which of those who did something a principal may know by their ids: itself, and whom it may read, as a member or as a
 * key. Whoever may read who did what in the audit knows them all. To see a contact is not to see who works on it.
 */
export async function knownActors(tx: Tx, events: readonly Actor[]): Promise<(id: string) => boolean> {
  const { principal } = tx
  if (principal.ability.may('read', auditEvents.name) && sight(principal, auditEvents, 'actor')?.clear === true)
    return () => true
  const known = new Set([principal.id, principal.onBehalfOf])
  const memberIds = events.flatMap((one) => [one.actorKind === 'member' ? one.actorId : null, one.onBehalfOf])
  const keyIds = events.map((one) => (one.actorKind === 'apiKey' ? one.actorId : null))
  await Promise.all(
    [
      { model: members, ids: memberIds },
      { model: apiKeys, ids: keyIds },
    ].map(async ({ model, ids }) => {
      const wanted = [...new Set(ids.filter((id) => id !== null && !known.has(id)))]
      const rows = rowsWhere(principal, model, 'read')
      if (!rows || wanted.length === 0) return
      const found = await tx.query<{ id: string }>(
        sql`SELECT ${model.id} AS id FROM ${model.table} WHERE ${model.tenant} = ${principal.tenantId}::uuid AND ${model.id} = ANY (${array(wanted, 'uuid')}) AND ${rows}`,
      )
      for (const { id } of found) known.add(id)
    }),
  )
  return (id) => known.has(id)
}
