import { z } from 'zod'
import { sqlTypes } from '../access/condition-sql.ts'
import { liveWhere, maskOf, rowsWhere, sight } from '../access/door.ts'
import type { Field, ResourceModel } from '../access/model.ts'
import { canBeMerged } from '../access/tombstone.ts'
import { veiledOf } from '../privacy/detection.ts'
import type { Tx } from './database.ts'
import { array, json, type SQL, sql } from './sql.ts'

/** What a field of a record was and became, in an event. */
export interface PastValue {
  eventId: string
  resource: string
  id: string
  field: string
  before: unknown
  after: unknown
}

/** As a principal sees it; without values where there is a mask that shows nothing. */
export interface ShownValue {
  before?: unknown
  after?: unknown
  isMasked: boolean
}

/** How a principal sees a field of one row. */
type Look = 'clear' | 'masked'

/**
 * Past values as a principal sees the field today, on the row as it is today: in clear, under the field's own mask, or
 * not at all (null). Of a row that it does not see, or that is gone, nothing.
 * @param people the contacts whose values they are, where that is asked: a record that has become somebody else's since is
 *   not shown, and one of them that was merged is seen as if it were there
 * @param countriesOf the countries whose numbers are looked for in texts; null: nobody knows, and texts are not shown
 */
export async function shownValues(
  tx: Tx,
  values: readonly PastValue[],
  countriesOf: () => Promise<readonly (string | null)[] | null>,
  people: readonly string[] | null = null,
): Promise<(ShownValue | null)[]> {
  const looks = await looksAt(tx, values, people)
  const found = values.map((value) => (isAnother(tx, value) ? null : (looks.get(keyOf(value)) ?? null)))
  const masked = values.flatMap((value, n) => {
    const model = tx.principal.ability.models.get(value.resource)
    const field = model && tx.principal.ability.fields(model).get(value.field)
    return found[n] === 'masked' && model && field ? [{ n, model, field, value }] : []
  })
  const shown = values.map(({ before, after }, n): ShownValue | null => {
    if (found[n] === null) return null
    return found[n] === 'clear' ? { before, after, isMasked: false } : { isMasked: true }
  })
  for (const [n, value] of await maskedForms(
    tx,
    masked.filter(({ field }) => !field.detected),
  ))
    shown[n] = value
  const texts = masked.filter(({ field }) => field.detected)
  const countries = texts.length > 0 ? await countriesOf() : null
  if (countries)
    for (const { n, value } of texts) {
      const before = veiledIn(value.before, countries)
      const after = veiledIn(value.after, countries)
      const isMasked = !same(before, value.before) || !same(after, value.after)
      shown[n] = { before, after, isMasked }
    }
  return shown
}

const keyOf = ({ resource, id, field }: Pick<PastValue, 'resource' | 'id' | 'field'>): string =>
  `${resource}/${id}/${field}`

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

/** Asks each resource once: which of the rows are seen, and how each field of them. */
async function looksAt(
  tx: Tx,
  values: readonly PastValue[],
  people: readonly string[] | null,
): Promise<Map<string, Look>> {
  const looks = new Map<string, Look>()
  const byResource = Map.groupBy(values, (value) => value.resource)
  await Promise.all(
    [...byResource].map(async ([name, own]) => {
      const model = tx.principal.ability.models.get(name)
      const rows = model && rowsWhere(tx.principal, model, 'read')
      if (!model || !rows) return
      const fields = [...new Set(own.map((value) => value.field))].flatMap((field) => {
        const seen = sight(tx.principal, model, field)
        return seen ? [{ field, seen }] : []
      })
      if (fields.length === 0) return
      const columns = fields.map(({ seen }) => {
        const clear = seen.clear === true ? sql`true` : seen.clear === false ? sql`false` : seen.clear
        const veiled = seen.masked === true ? sql`true` : seen.masked === false ? sql`false` : seen.masked
        return sql`CASE WHEN ${clear} THEN 'clear' WHEN ${veiled} THEN 'masked' END`
      })
      const ids = [...new Set(own.map((value) => value.id))]
      const found = await tx.query<{ id: string; looks: (Look | null)[] }>(
        sql`SELECT ${model.id} AS id, ARRAY[${sql.join(columns, sql`, `)}]::text[] AS looks FROM ${model.table}
          WHERE ${model.tenant} = ${tx.principal.tenantId}::uuid AND ${model.id} = ANY (${array(ids, 'uuid')}) AND ${rows} AND ${theirs(tx, model, people)}`,
      )
      for (const row of found)
        for (const [i, { field }] of fields.entries()) {
          const look = row.looks[i]
          if (look) looks.set(keyOf({ resource: name, id: row.id, field }), look)
        }
    }),
  )
  return looks
}

/** The rows that are there; of these people, where it is asked for, and those of them that were merged too. */
function theirs(tx: Tx, model: ResourceModel, people: readonly string[] | null): SQL {
  const live = liveWhere(tx.principal, model)
  if (people === null || !model.subject) return live
  const own = array(people, 'uuid')
  const merged = canBeMerged(model) ? sql`OR ${model.state} = 'merged' AND ${model.id} = ANY (${own})` : sql``
  return sql`${model.subject} = ANY (${own}) AND (${live} ${merged})`
}

/** A field of the same name that the tenant had before is another field: what it held is not for who sees this one. */
function isAnother(tx: Tx, { resource, field, eventId }: PastValue): boolean {
  const model = tx.principal.ability.models.get(resource)
  const stored = model && tx.principal.ability.fields(model).get(field)?.stored
  // Both ids begin with the time at which they were made.
  return stored ? eventId < stored.id : false
}

interface Masked {
  n: number
  model: ResourceModel
  field: Field
  value: PastValue
}

/** The masked forms, made where those of the rows themselves are made. */
async function maskedForms(tx: Tx, masked: readonly Masked[]): Promise<Map<number, ShownValue>> {
  const shown = new Map<number, ShownValue>()
  const formed = masked.filter(({ field }) => field.mask !== 'hidden' || field.veil)
  await Promise.all(
    [...Map.groupBy(formed, ({ model }) => model)].map(async ([model, own]) => {
      const fields = [...new Map(own.map(({ field }) => [field.name, field])).values()]
      const rows = own.map(({ n, field, value }) => ({
        n,
        id: value.id,
        field: field.name,
        before: scalarOf(field, value.before),
        after: scalarOf(field, value.after),
      }))
      const form = (side: 'before' | 'after'): SQL =>
        sql`CASE v.field ${sql.join(
          fields.map((field) => sql`WHEN ${field.name} THEN ${maskedForm(field, sql.raw(`(v.${side} #>> '{}')`))}`),
          sql` `,
        )} END`
      const found = await tx.query<{ n: number; before: unknown; after: unknown }>(
        sql`SELECT v.n, ${form('before')} AS before, ${form('after')} AS after
          FROM jsonb_to_recordset(${json(rows)}) AS v(n int, id uuid, field text, before jsonb, after jsonb)
          JOIN ${model.table} ON ${model.tenant} = ${tx.principal.tenantId}::uuid AND ${model.id} = v.id`,
      )
      for (const { n, before, after } of found) shown.set(n, { before, after, isMasked: true })
    }),
  )
  return shown
}

function maskedForm(field: Field, text: SQL): SQL {
  const mask = maskOf(field, sql`${text}::${sql.raw(sqlTypes[field.kind])}`)
  return field.stored ? field.stored.json(mask) : sql`to_jsonb(${mask})`
}

/** The part of a value that is masked. */
const scalarOf = (field: Field, value: unknown): unknown => (field.stored ? field.stored.scalar(value) : value) ?? null

/**
 * A text, or JSON with texts in it, without the numbers and addresses that are found. Written when the contact was in
 * another country, it may hold numbers as they are written there: all its countries count.
 */
function veiledIn(value: unknown, countries: readonly (string | null)[]): unknown {
  return countries.reduce<unknown>((shown, country) => {
    const { data } = z.json().safeParse(shown ?? null)
    if (data === undefined || data === null) return null
    const { value: veiled } = veiledOf({ value: data }, country)
    return veiled === undefined ? shown : veiled
  }, value)
}
