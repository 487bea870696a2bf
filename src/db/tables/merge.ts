import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, bytea, content, declare, instant, key, system } from './declare.ts'

export const contactMerge = app.table('contact_merge', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  contactId: uuid('contact_id').notNull(),
  mergedId: uuid('merged_id').notNull(),
  requestId: uuid('request_id').notNull(),
  contactVersion: integer('contact_version').notNull(),
  moved: jsonb('moved').notNull(),
  counts: jsonb('counts').notNull(),
  sealedFields: bytea('sealed_fields'),
  mergedAt: instant('merged_at').notNull(),
  unmergedAt: instant('unmerged_at'),
})
declare('contact_merge', contactMerge, 'contactId', {
  tenantId: key,
  id: key,
  businessUnitId: key,
  contactId: key,
  mergedId: key,
  requestId: key,
  contactVersion: system,
  moved: key,
  counts: system,
  sealedFields: content,
  mergedAt: system,
  unmergedAt: system,
})

export const mergeDismissal = app.table('merge_dismissal', {
  tenantId: uuid('tenant_id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  contactId: uuid('contact_id').notNull(),
  otherId: uuid('other_id').notNull(),
  dismissedAt: instant('dismissed_at').notNull(),
})
declare('merge_dismissal', mergeDismissal, 'contactId', {
  tenantId: key,
  businessUnitId: key,
  contactId: key,
  otherId: key,
  dismissedAt: system,
})

export const mergeHint = app.table('merge_hint', {
  tenantId: uuid('tenant_id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  contactId: uuid('contact_id').notNull(),
  otherId: uuid('other_id').notNull(),
  saidAt: instant('said_at').notNull(),
})
declare('merge_hint', mergeHint, 'contactId', {
  tenantId: key,
  businessUnitId: key,
  contactId: key,
  otherId: key,
  saidAt: system,
})
