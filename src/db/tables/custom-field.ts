import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { date } from 'drizzle-orm/pg-core/columns/date'
import { doublePrecision } from 'drizzle-orm/pg-core/columns/double-precision'
import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { numeric } from 'drizzle-orm/pg-core/columns/numeric'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, configuration, declare, instant, key, profile, system } from './declare.ts'

export const customField = app.table('custom_field', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  resource: text('resource').notNull(),
  key: text('key').notNull(),
  type: text('type').notNull(),
  labels: jsonb('labels').notNull(),
  description: text('description'),
  format: text('format'),
  currency: text('currency'),
  referenceTo: text('reference_to'),
  options: jsonb('options').notNull(),
  required: boolean('required').notNull(),
  minimum: numeric('minimum'),
  maximum: numeric('maximum'),
  maxLength: integer('max_length'),
  classification: text('classification').notNull(),
  category: text('category'),
  origin: text('origin').notNull(),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('custom_field', customField, null, {
  tenantId: key,
  id: key,
  resource: configuration,
  key: configuration,
  type: configuration,
  labels: configuration,
  description: configuration,
  format: configuration,
  currency: configuration,
  referenceTo: configuration,
  options: configuration,
  required: configuration,
  minimum: configuration,
  maximum: configuration,
  maxLength: configuration,
  classification: configuration,
  category: configuration,
  origin: configuration,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})

/** What a value is, the field's own definition says: its category, classification and origin. */
export const contactCustomValue = app.table('contact_custom_value', {
  tenantId: uuid('tenant_id').notNull(),
  contactId: uuid('contact_id').notNull(),
  fieldId: uuid('field_id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  textValue: text('text_value'),
  textStart: text('text_start'),
  numberValue: doublePrecision('number_value'),
  booleanValue: boolean('boolean_value'),
  dateValue: date('date_value', { mode: 'string' }),
  listValue: text('list_value').array(),
  uuidValue: uuid('uuid_value'),
})
declare('contact_custom_value', contactCustomValue, 'contactId', {
  tenantId: key,
  contactId: key,
  fieldId: key,
  businessUnitId: key,
  textValue: profile,
  textStart: profile,
  numberValue: profile,
  booleanValue: profile,
  dateValue: profile,
  listValue: profile,
  uuidValue: profile,
})
