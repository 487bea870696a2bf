import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import type { PgTable } from 'drizzle-orm/pg-core/table'
import { type SQL, sql } from 'drizzle-orm/sql/sql'
import { z } from 'zod'
import { literal } from './literal.ts'
import type {
  CustomFieldDefinition,
  CustomFields,
  CustomFieldType,
  FieldKind,
  MaskKind,
  Models,
  Stored,
} from './model.ts'

/** The table that keeps a resource's custom values: one row per record and field, a column per kind of value. */
export interface ValueTable extends PgTable {
  tenantId: PgColumn
  fieldId: PgColumn
  textValue: PgColumn
  /** The first `indexedLength` characters of a text, for an index; left out: texts are compared whole. */
  textStart?: PgColumn
  numberValue: PgColumn
  booleanValue: PgColumn
  dateValue: PgColumn
  listValue: PgColumn
  uuidValue: PgColumn
}

/** What a type of custom field is to conditions and masks, and the column that keeps it. */
const types: Record<CustomFieldType, { kind: FieldKind; mask: MaskKind; column: keyof ValueTable & `${string}Value` }> =
  {
    text: { kind: 'text', mask: 'text', column: 'textValue' },
    number: { kind: 'number', mask: 'number', column: 'numberValue' },
    money: { kind: 'number', mask: 'number', column: 'numberValue' },
    date: { kind: 'date', mask: 'date', column: 'dateValue' },
    boolean: { kind: 'boolean', mask: 'hidden', column: 'booleanValue' },
    choice: { kind: 'choice', mask: 'hidden', column: 'textValue' },
    multiChoice: { kind: 'textList', mask: 'hidden', column: 'listValue' },
    reference: { kind: 'uuid', mask: 'hidden', column: 'uuidValue' },
  }

/** The column that keeps the values of a type. */
export const columnOf = (values: ValueTable, type: CustomFieldType): PgColumn => values[types[type].column]

/** Long texts do not fit into an index: their beginnings do, and lead to the few that are compared whole. */
const indexedLength = sql.raw('100')

/**
 * The custom fields of a resource: rows of (tenant, record, field), so that defining one changes no table.
 * @param at the record's own columns, and the column of the values' table that names the record
 */
export function customFields(
  group: string,
  values: ValueTable,
  at: { tenant: PgColumn; id: PgColumn; record: PgColumn },
): CustomFields {
  const own = sql`${values.tenantId} = ${at.tenant} AND ${at.record} = ${at.id}`
  const rowOf = (id: string): SQL => sql`${values.fieldId} = ${sql.raw(literal(id))}::uuid`
  return {
    group,
    field: (definition) => {
      const { kind, mask, column } = types[definition.type]
      const value = sql`${values[column]}`
      const mine = sql`${own} AND ${rowOf(definition.id)}`
      const { id, key, format, currency } = definition
      const stored: Stored = {
        group,
        key,
        id,
        value,
        order:
          column === 'numberValue' || column === 'dateValue'
            ? { rows: sql`${values}`, mine, record: sql`${at.record}`, type: values[column].getSQLType() }
            : null,
        some: (predicate) => sql`EXISTS (SELECT FROM ${values} WHERE ${mine} AND ${predicate})`,
        json:
          currency === null
            ? (shown) => sql`to_jsonb(${shown})`
            : (shown) =>
                sql`CASE WHEN ${shown} IS NOT NULL THEN jsonb_build_object('amount', ${shown}, 'currency', ${sql.raw(literal(currency))}::text) END`,
        scalar: (json) =>
          currency !== null && typeof json === 'object' && json !== null && 'amount' in json ? json.amount : json,
        isOpen: definition.classification === 'general',
      }
      return {
        name: `${group}.${key}`,
        kind,
        value: sql`(SELECT ${value} FROM ${values} WHERE ${mine})`,
        column: null,
        mask: format === null || format === 'plain' ? mask : format,
        veil: null,
        detected: null,
        within: null,
        filterable: true,
        sortable: kind !== 'textList' && kind !== 'boolean' && kind !== 'uuid',
        search: null,
        exact:
          column === 'textValue'
            ? {
                normal: (text) => text,
                // Asked within the value's own row.
                sql: (text, other) =>
                  values.textStart
                    ? sql`(${values.textStart} = left(${other}::text, ${indexedLength}) AND ${text} = ${other}::text)`
                    : sql`${text} = ${other}::text`,
              }
            : null,
        schema: z.unknown(),
        stored,
      }
    },
    object: (members) => {
      if (members.length === 0) return sql`'{}'::jsonb`
      const ids = members.map(({ stored }) => literal(stored.id)).join(', ')
      const cases = (each: (member: { stored: Stored; shown: SQL }) => SQL): SQL =>
        sql.join(
          members.map((member) => sql`WHEN ${sql.raw(literal(member.stored.id))}::uuid THEN ${each(member)}`),
          sql` `,
        )
      return sql`coalesce((SELECT jsonb_object_agg(o.key, o.value) FROM (
        SELECT CASE ${values.fieldId} ${cases(({ stored }) => sql.raw(`${literal(stored.key)}::text`))} END AS key,
          CASE ${values.fieldId} ${cases(({ stored, shown }) => stored.json(shown))} END AS value
        FROM ${values} WHERE ${own} AND ${values.fieldId} IN (${sql.raw(ids)})) AS o WHERE o.value IS NOT NULL), '{}')`
    },
  }
}

/** The models of a tenant: those of every tenant, with the fields that this one has defined. */
export function tenantModels(models: Models, definitions: readonly CustomFieldDefinition[]): Models {
  if (definitions.length === 0) return models
  const all = new Map(models)
  for (const [name, own] of Map.groupBy(definitions, ({ resource }) => resource)) {
    const model = models.get(name)
    if (!model?.custom) continue
    const { custom } = model
    const fields = own.map((definition) => custom.field(definition)).map((field) => [field.name, field] as const)
    all.set(name, { ...model, fields: new Map([...model.fields, ...fields]) })
  }
  return all
}
