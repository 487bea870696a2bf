import type { ResourceModel, Stored } from '../access/model.ts'
import type { Part } from './read-statement.ts'
import { named, type SQL, sql } from './sql.ts'

/**
 * A page sorted by a field whose values stand in rows of their own: first the records that have a value, in the order of
 * the values' index, then, where these do not fill it, those that have none.
 * @param root the page without its order; its columns hold the id
 */
export function sortedByValue(
  root: Part,
  model: ResourceModel,
  { value, some, order }: Stored & { order: NonNullable<Stored['order']> },
  { descending, after }: { descending: boolean; after: { key: unknown; id: string } | null },
  fetch: SQL,
): Part {
  const direction = sql.raw(descending ? 'DESC' : 'ASC')
  const beyond = sql.raw(descending ? '<' : '>')
  const type = sql.raw(order.type)
  const lastId = sql`${named('afterId')}::uuid`
  const rows = sql`${model.tenant} = ${named('eventTenant')}::uuid AND ${root.where}`
  const isAfter = !after
    ? sql`true`
    : after.key === null
      ? sql`${named('afterKey')}::text IS NOT NULL`
      : sql`(${value}, ${order.record}) ${beyond} (${named('afterKey')}::${type}, ${lastId})`
  const isAfterAbsent = after && after.key === null ? sql`${model.id} ${beyond} ${lastId}` : sql`true`
  return {
    ...root,
    columns: sql`page.*`,
    from: sql`(WITH present AS MATERIALIZED (SELECT ${root.columns}, ${value} AS "_key" FROM ${root.from} JOIN ${order.rows} ON ${order.mine}
        WHERE ${rows} AND ${value} IS NOT NULL AND ${isAfter} ORDER BY ${value} ${direction}, ${order.record} ${direction} LIMIT ${fetch}),
      absent AS MATERIALIZED (SELECT ${root.columns}, NULL::${type} AS "_key" FROM ${root.from}
        WHERE (SELECT count(*) FROM present) < ${fetch} AND ${rows} AND NOT ${some(sql`true`)} AND ${isAfterAbsent} ORDER BY ${model.id} ${direction} LIMIT ${fetch})
      SELECT * FROM present UNION ALL SELECT * FROM absent) AS page`,
    tenant: null,
    where: sql`true`,
    orderBy: sql`page."_key" ${direction} NULLS LAST, page.id ${direction}`,
  }
}
