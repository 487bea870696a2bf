import type { ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { type SQL, sql } from './sql.ts'

/** Every field of a row in clear, by its public name: for decisions, never for answers. */
export function clearColumns(principal: Principal, model: ResourceModel): SQL {
  const { group, object } = model.custom ?? {}
  const fields = [...principal.ability.fields(model).values()]
  const members = fields.flatMap(({ stored }) => (stored ? [{ stored, shown: stored.value }] : []))
  const columns = fields
    .filter(({ name, stored }) => !stored && name !== group)
    .map(({ name, value }) => sql`${value} AS ${sql.identifier(name)}`)
  if (group !== undefined && object) columns.push(sql`${object(members)} AS ${sql.identifier(group)}`)
  return sql.join(columns, sql`, `)
}
