import { bigint } from 'drizzle-orm/pg-core/columns/bigint'
import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, bytea, configuration, declare, instant, key, secret, system } from './declare.ts'

export const tenant = app.table('tenant', {
  tenantId: uuid('tenant_id').primaryKey(),
  name: text('name').notNull(),
  region: text('region').notNull(),
  policyVersion: bigint('policy_version', { mode: 'number' }).notNull(),
  routingVersion: bigint('routing_version', { mode: 'number' }).notNull(),
  wrappedKey: bytea('wrapped_key').notNull(),
  purposeRequiredFor: text('purpose_required_for').array().notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})
declare('tenant', tenant, null, {
  tenantId: key,
  name: configuration,
  region: configuration,
  policyVersion: system,
  routingVersion: system,
  wrappedKey: secret,
  purposeRequiredFor: configuration,
  version: system,
  createdAt: system,
  updatedAt: system,
})

export const businessUnit = app.table('business_unit', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  name: text('name').notNull(),
  legalEntity: text('legal_entity'),
  establishmentCountry: text('establishment_country'),
  region: text('region').notNull(),
  isDefault: boolean('is_default').notNull(),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('business_unit', businessUnit, null, {
  tenantId: key,
  id: key,
  name: configuration,
  legalEntity: configuration,
  establishmentCountry: configuration,
  region: configuration,
  isDefault: configuration,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})

export const team = app.table('team', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  name: text('name').notNull(),
  description: text('description'),
  countries: text('countries').array().notNull(),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('team', team, null, {
  tenantId: key,
  id: key,
  name: configuration,
  description: configuration,
  countries: configuration,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})

export const tag = app.table('tag', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  name: text('name').notNull(),
  color: text('color'),
  description: text('description'),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('tag', tag, null, {
  tenantId: key,
  id: key,
  name: configuration,
  color: configuration,
  description: configuration,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})
