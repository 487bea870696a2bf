import { fieldSql, sight } from '../access/door.ts'
import { literal } from '../access/literal.ts'
import type { ResourceModel, Stored } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { flat, type SQL, sql } from './sql.ts'

/** What a principal sees of a resource: the columns of a SELECT, and the names for the audit. */
export interface View {
  columns: SQL
  shown: readonly string[]
  masked: readonly string[]
  byRow: boolean
}

/**
 * Built once per ability: every field goes through the door.
 * @param only the fields of a brief form; left out: all
 */
export function viewOf(principal: Principal, model: ResourceModel, only?: readonly string[]): View {
  const key = `view/${model.name}/${only?.join() ?? '*'}`
  const known = principal.ability.cache.get(key) as View | undefined
  if (known) return known
  const columns: SQL[] = []
  const shown: string[] = []
  const masked: string[] = []
  const shownWhere: SQL[] = []
  const maskedWhere: SQL[] = []
  const hiddenWhere: SQL[] = []
  const members: { stored: Stored; shown: SQL }[] = []
  const { group, object } = model.custom ?? {}
  let isGrouped = false
  for (const name of only ?? principal.ability.fields(model).keys()) {
    const seen = sight(principal, model, name)
    const stored = seen?.field.stored ?? null
    const value = seen && fieldSql(stored ? { ...seen, field: { ...seen.field, value: stored.value } } : seen, 'select')
    if (!seen || !value) continue
    if (stored) members.push({ stored, shown: value })
    if (stored || name === group) isGrouped = true
    else columns.push(sql`${value} AS ${sql.identifier(name)}`)
    if (name === group) continue
    const label = sql.raw(literal(name))
    if (seen.clear === true) shown.push(name)
    else if (seen.clear === false && seen.masked === true && !seen.field.detected) masked.push(name)
    else {
      const clear = seen.clear === false ? sql`false` : sql`(${seen.clear})`
      const veiled = seen.masked === true ? sql`true` : seen.masked === false ? sql`false` : sql`(${seen.masked})`
      const { detected } = seen.field
      const whole = detected ? sql`(${clear} OR ${veiled} AND NOT (${detected.where}))` : clear
      shownWhere.push(sql`CASE WHEN ${whole} THEN ${label} END`)
      maskedWhere.push(sql`CASE WHEN ${whole} THEN NULL WHEN ${veiled} THEN ${label} END`)
      hiddenWhere.push(sql`CASE WHEN ${clear} OR ${veiled} THEN NULL ELSE ${label} END`)
    }
  }
  // Those that the tenant has defined are one object, there for whoever may see any of them on any row.
  if (group !== undefined && object && isGrouped) {
    columns.push(sql`${object(members)} AS ${sql.identifier(group)}`)
    shown.push(group)
  }
  const byRow = shownWhere.length > 0
  if (byRow) {
    // Only what differs by row: whole lists on every row would cost more than the rows.
    const list = (where: SQL[]): SQL => sql`array_remove(ARRAY[${sql.join(where, sql`, `)}]::text[], NULL)`
    columns.push(
      sql`${list(shownWhere)} AS "_shown"`,
      sql`${list(maskedWhere)} AS "_masked"`,
      sql`${list(hiddenWhere)} AS "_hidden"`,
    )
  }
  columns.push(sql`${model.subject ?? sql`NULL::uuid`} AS "_subject"`)
  const view = { columns: flat(sql.join(columns, sql`, `)), shown, masked, byRow }
  principal.ability.cache.set(key, view)
  return view
}

/** The names of the fields that a view shows of a row, in clear and masked. */
export function namesIn(
  view: Pick<View, 'shown' | 'masked'>,
  row: Readonly<Record<string, unknown>>,
): { shown: readonly string[]; masked: readonly string[] } {
  return { shown: withRow(view.shown, row._shown), masked: withRow(view.masked, row._masked) }
}

const withRow = (always: readonly string[], inRow: unknown): readonly string[] =>
  Array.isArray(inRow) && inRow.length > 0 ? [...always, ...inRow] : always

/** Turns a row of a view into the record that is answered: times end in Z, hidden fields are gone, masks are named. */
export function present(
  model: ResourceModel,
  view: Pick<View, 'masked'>,
  row: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const hidden = Array.isArray(row._hidden) ? row._hidden : null
  const masked = withRow(view.masked, row._masked)
  const record: Record<string, unknown> = {}
  for (const name in row) {
    const field = model.fields.get(name)
    if (!field || hidden?.includes(name)) continue
    const value = row[name]
    // Null would be a value: what has no masked form is left out, and named among the masked fields all the same.
    if (value === null && field.mask === 'hidden' && masked.includes(name)) continue
    record[name] = field.kind === 'time' && typeof value === 'string' ? utc(value) : value
  }
  if (masked.length > 0) record.maskedFields = masked
  return record
}

/** PostgreSQL writes the zone as +00:00 in JSON and +00 in text; the contract says Z. */
export function utc(time: string): string {
  if (time.endsWith('+00:00')) return `${time.slice(0, -6)}Z`
  return time.replace(' ', 'T').replace(/\+00$/, 'Z')
}
