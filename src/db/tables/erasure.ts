import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, bytea, content, declare, instant, key, secret, staff, system } from './declare.ts'

export const erasure = app.table('erasure', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  contactId: uuid('contact_id').notNull(),
  mergedIds: uuid('merged_ids').array().notNull(),
  actorKind: text('actor_kind').notNull(),
  actorId: uuid('actor_id'),
  onBehalfOf: uuid('on_behalf_of'),
  sealedReason: bytea('sealed_reason').notNull(),
  counts: jsonb('counts').notNull(),
  suppressed: boolean('suppressed').notNull(),
  erasedAt: instant('erased_at').notNull(),
})
declare('erasure', erasure, 'contactId', {
  tenantId: key,
  id: key,
  businessUnitId: key,
  contactId: key,
  mergedIds: key,
  actorKind: system,
  actorId: staff,
  onBehalfOf: staff,
  sealedReason: content,
  counts: system,
  suppressed: system,
  erasedAt: system,
})

export const erasedAddress = app.table('erased_address', {
  tenantId: uuid('tenant_id').notNull(),
  erasureId: uuid('erasure_id').notNull(),
  identifierHash: bytea('identifier_hash').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  wasHeld: boolean('was_held').notNull(),
  erasedAt: instant('erased_at').notNull(),
})
declare('erased_address', erasedAddress, null, {
  tenantId: key,
  erasureId: key,
  identifierHash: secret,
  businessUnitId: key,
  wasHeld: system,
  erasedAt: system,
})
