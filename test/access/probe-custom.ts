import { pgTable } from 'drizzle-orm/pg-core'
import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { date } from 'drizzle-orm/pg-core/columns/date'
import { numeric } from 'drizzle-orm/pg-core/columns/numeric'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import type { CustomFieldDefinition, CustomFieldType } from '../../src/access/model.ts'

/** The probe's fields as a tenant defines them: values in rows of their own. */
export const probeColumns = {
  tenantId: uuid('tenant_id').notNull(),
  probeId: uuid('probe_id').notNull(),
  fieldId: uuid('field_id').notNull(),
  textValue: text('text_value'),
  numberValue: numeric('number_value'),
  booleanValue: boolean('boolean_value'),
  dateValue: date('date_value', { mode: 'string' }),
  listValue: text('list_value').array(),
  uuidValue: uuid('uuid_value'),
}
export const probeValues = pgTable('probe_value', probeColumns)

export const createProbeValues = `CREATE TEMPORARY TABLE probe_value (tenant_id uuid, probe_id uuid, field_id uuid, text_value text, number_value numeric,
  boolean_value boolean, date_value date, list_value text[], uuid_value uuid, PRIMARY KEY (tenant_id, probe_id, field_id))`

const columns: Readonly<Record<string, [CustomFieldType, string]>> = {
  text: ['text', 'text_value'],
  pick: ['choice', 'text_value'],
  number: ['number', 'number_value'],
  money: ['money', 'number_value'],
  flag: ['boolean', 'boolean_value'],
  day: ['date', 'date_value'],
  words: ['multiChoice', 'list_value'],
  other: ['reference', 'uuid_value'],
}

const idOf = (i: number): string => `00000000-0000-7000-8000-00000000000${i}`

export const definitions: CustomFieldDefinition[] = Object.entries(columns).map(([key, [type]], i) => ({
  id: idOf(i),
  resource: 'probes',
  key,
  type,
  format: type === 'text' ? 'phone' : null,
  // Half of them are meant by the group's own name.
  classification: i % 2 === 0 ? 'general' : 'personal',
  currency: type === 'money' ? 'EUR' : null,
}))

/** The rows that keep the values of a probe; what is absent has none. */
export function valueRows(tenantId: string, probeId: string, own: Readonly<Record<string, unknown>>): object[] {
  return Object.entries(columns).flatMap(([key, [, column]], i) => {
    const value = own[key] ?? null
    if (value === null || (Array.isArray(value) && value.length === 0)) return []
    const kept = typeof value === 'object' && 'amount' in value ? value.amount : value
    return [{ tenant_id: tenantId, probe_id: probeId, field_id: idOf(i), [column]: kept }]
  })
}
