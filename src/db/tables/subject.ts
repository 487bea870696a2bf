import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, bytea, declare, instant, key, secret, system } from './declare.ts'

export const subject = app.table('subject', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  mergedIntoId: uuid('merged_into_id'),
  createdAt: instant('created_at').notNull(),
})
declare('subject', subject, null, { tenantId: key, id: key, mergedIntoId: system, createdAt: system })

export const subjectAddress = app.table('subject_address', {
  tenantId: uuid('tenant_id').notNull(),
  identifierHash: bytea('identifier_hash').notNull(),
  subjectId: uuid('subject_id').notNull(),
})
declare('subject_address', subjectAddress, null, { tenantId: key, identifierHash: secret, subjectId: key })

export const sharedAddress = app.table('shared_address', {
  tenantId: uuid('tenant_id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  identifierHash: bytea('identifier_hash').notNull(),
  markedAt: instant('marked_at').notNull(),
})
declare('shared_address', sharedAddress, null, {
  tenantId: key,
  businessUnitId: key,
  identifierHash: secret,
  markedAt: system,
})
