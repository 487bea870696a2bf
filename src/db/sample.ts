import { Column } from 'drizzle-orm/column'
import { is } from 'drizzle-orm/entity'
import { SQL, type SQLChunk } from 'drizzle-orm/sql/sql'
import { Table } from 'drizzle-orm/table'
import { z } from 'zod'
import { valueIn } from '../access/condition.ts'
import { sqlTypes } from '../access/condition-sql.ts'
import { rowsWhere } from '../access/door.ts'
import type { CustomFields, Detected, Field, FieldKind, ResourceModel } from '../access/model.ts'
import type { Principal } from '../access/principal.ts'
import { veiledOf } from '../privacy/detection.ts'
import type { JsonRow } from './database.ts'
import type { Part } from './read-statement.ts'
import { json, sql } from './sql.ts'
import { type View, viewOf } from './view.ts'

/**
 * A resource of one made-up row. Everything that stands on the model (the door, conditions, masks) works on it as on the
 * stored rows, and none of those is touched: a question about a row that somebody made up must not tell about real ones.
 * So what hangs on other rows is left out: the record that it is part of, and the noun's own rule.
 */
export function sampleModel(model: ResourceModel, record: JsonRow): ResourceModel {
  const fields = [...model.fields].map(([name, field]) => [name, sampleField(field, record, model)] as const)
  return {
    ...model,
    subject: null,
    within: null,
    rows: null,
    custom: model.custom && { ...model.custom, object: sampleObject },
    fields: new Map(fields),
  }
}

/** How a principal, whose ability is built on the sample's model, sees the made-up row; no row where it does not. */
export function samplePart(
  principal: Principal,
  model: ResourceModel,
  record: JsonRow,
  name: string,
): { part: Part; view: View } {
  const view = viewOf(principal, model)
  const stored = ownFields(model)
  const values = Object.fromEntries(stored.map((field) => [field.name, valueIn(record, field) ?? null]))
  const types = stored.map((field) => sql`${sql.identifier(field.name)} ${sql.raw(typeOf(field))}`)
  const columns = sampledColumns(model)
  const rows = rowsWhere(principal, model, 'read')
  const part: Part = {
    name,
    resource: null,
    columns: inSample(view.columns, columns),
    from: sql`jsonb_to_record(${json(values)}) AS sample(${sql.join(types, sql`, `)})`,
    tenant: null,
    where: rows ? inSample(rows, columns) : sql`false`,
    shown: view.shown,
    masked: view.masked,
    byRow: view.byRow,
  }
  return { part, view }
}

const ownFields = ({ fields, custom }: ResourceModel): Field[] =>
  [...fields.values()].filter((field) => field.name !== custom?.group)

const sampledColumns = (model: ResourceModel): ReadonlyMap<Column, SQL> =>
  new Map(ownFields(model).flatMap((field) => (field.column ? [[field.column, sampled(field)] as const] : [])))

const sampled = (field: Field): SQL => sql`sample.${sql.identifier(field.name)}`

function sampleField(field: Field, record: JsonRow, model: ResourceModel): Field {
  const value = sampled(field)
  const { exact, stored, detected, veil } = field
  const known = valueIn(record, field)
  return {
    ...field,
    value,
    own: undefined,
    veil: veil && ((shown) => inSample(veil(shown), sampledColumns(model))),
    detected: detected && detectedIn(field, known),
    // The form in which values are compared may hang on columns that are no fields: of the one value, memory knows.
    exact: exact && { ...exact, sql: (_, other) => sql`${isSame(exact, known, other, record)}::boolean` },
    stored: stored && {
      ...stored,
      value,
      some: (predicate) => sql`((${value} IS NOT NULL AND ${predicate}) IS TRUE)`,
    },
  }
}

/** What is found in a value is found when it is written, and stands beside it. */
function detectedIn({ name, kind }: Field, value: unknown): Detected {
  const isText = kind === 'text'
  const written = z.json().safeParse(value ?? null).data ?? null
  const { [name]: found } = veiledOf({ [name]: written }, null)
  const rest = found === undefined ? written : found
  return {
    where: sql`${found !== undefined}::boolean`,
    rest: isText ? sql`${rest}::text` : sql`nullif(${json(rest)}, 'null')`,
  }
}

/** null, as in SQL, where there is no value to compare. */
function isSame(exact: NonNullable<Field['exact']>, value: unknown, other: string, record: JsonRow): boolean | null {
  if (typeof value !== 'string') return null
  return exact.same ? exact.same(value, other, record) : exact.normal(value) === exact.normal(other)
}

const sampleObject: CustomFields['object'] = (members) => {
  if (members.length === 0) return sql`'{}'::jsonb`
  const rows = members.map(({ stored, shown }) => sql`(${stored.key}::text, ${stored.json(shown)})`)
  return sql`coalesce((SELECT jsonb_object_agg(o.key, o.value) FROM (VALUES ${sql.join(rows, sql`, `)}) AS o(key, value)
    WHERE o.value IS NOT NULL), '{}')`
}

/** SQL over a resource's table as SQL over the sample: its columns are the sample's values, or unknown. */
function inSample(statement: SQL, columns: ReadonlyMap<Column, SQL>): SQL {
  return new SQL(
    statement.queryChunks.map((chunk): SQLChunk => {
      if (is(chunk, SQL)) return inSample(chunk, columns)
      if (is(chunk, Column)) return columns.get(chunk) ?? sql`NULL::${sql.raw(chunk.getSQLType())}`
      if (is(chunk, Table)) throw new Error('a sample asks no table')
      return chunk
    }),
  )
}

const isList = (kind: FieldKind): boolean => kind === 'textList' || kind === 'uuidList'

const typeOf = ({ column, kind }: Field): string =>
  column?.getSQLType() ?? (isList(kind) ? `${sqlTypes[kind]}[]` : sqlTypes[kind])
