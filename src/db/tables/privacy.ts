import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, behaviour, bytea, content, declare, instant, key, secret, system } from './declare.ts'

export const consentEvent = app.table('consent_event', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  contactId: uuid('contact_id').notNull(),
  channelId: uuid('channel_id'),
  category: text('category').notNull(),
  state: text('state').notNull(),
  source: text('source').notNull(),
  evidenceEventId: uuid('evidence_event_id'),
  evidenceMessageId: uuid('evidence_message_id'),
  identityId: uuid('identity_id'),
  sealedEvidence: bytea('sealed_evidence'),
  keyContactId: uuid('key_contact_id'),
  occurredAt: instant('occurred_at').notNull(),
  createdAt: instant('created_at').notNull(),
})
declare('consent_event', consentEvent, 'contactId', {
  tenantId: key,
  id: key,
  businessUnitId: key,
  contactId: key,
  channelId: key,
  category: behaviour,
  state: behaviour,
  source: behaviour,
  evidenceEventId: key,
  evidenceMessageId: key,
  identityId: key,
  sealedEvidence: content,
  keyContactId: key,
  occurredAt: behaviour,
  createdAt: system,
})

export const suppression = app.table('suppression', {
  tenantId: uuid('tenant_id').notNull(),
  identifierHash: bytea('identifier_hash').notNull(),
  reason: text('reason').notNull(),
  createdAt: instant('created_at').notNull(),
})
declare('suppression', suppression, null, {
  tenantId: key,
  identifierHash: secret,
  reason: system,
  createdAt: system,
})
