import { bigint } from 'drizzle-orm/pg-core/columns/bigint'
import { customType } from 'drizzle-orm/pg-core/columns/custom'
import { inet } from 'drizzle-orm/pg-core/columns/inet'
import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { pgSchema } from 'drizzle-orm/pg-core/schema'
import { bytea, content, declare, instant, key, staff, system } from './declare.ts'

const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' })

const schema = pgSchema('audit')

/** What an event has, and its readable form likewise. Made anew for each of them: a column belongs to one table. */
const eventColumns = () => ({
  tenantId: uuid('tenant_id').notNull(),
  eventId: uuid('event_id').notNull(),
  occurredAt: instant('occurred_at').notNull(),
  epoch: integer('epoch').notNull(),
  transactionId: xid8('transaction_id').notNull(),
  sequence: bigint('sequence', { mode: 'number' }).notNull(),
  actorKind: text('actor_kind').notNull(),
  actorId: uuid('actor_id'),
  onBehalfOf: uuid('on_behalf_of'),
  action: text('action').notNull(),
  resource: text('resource').notNull(),
  shapeId: uuid('shape_id').notNull(),
  ids: uuid('ids').array().notNull(),
  counts: integer('counts').array(),
  rowCount: integer('row_count').notNull(),
  outcome: text('outcome').notNull(),
  code: text('code'),
  purpose: text('purpose'),
  query: jsonb('query'),
  sealedNote: bytea('sealed_note'),
  changeSubjects: uuid('change_subjects').array(),
  sealedChanges: bytea('sealed_changes').array(),
  causeId: uuid('cause_id'),
  requestId: text('request_id'),
  ip: inet('ip'),
})

export const auditEvent = schema.table('event', {
  ...eventColumns(),
  versions: integer('versions').array(),
  salt: uuid('salt').notNull(),
})
const common = {
  tenantId: key,
  eventId: key,
  occurredAt: system,
  epoch: system,
  transactionId: system,
  sequence: system,
  actorKind: system,
  actorId: staff,
  onBehalfOf: staff,
  action: system,
  resource: system,
  shapeId: key,
  ids: key,
  counts: system,
  rowCount: system,
  outcome: system,
  code: system,
  purpose: system,
  query: system,
  sealedNote: content,
  changeSubjects: key,
  sealedChanges: content,
  causeId: key,
  requestId: system,
  ip: staff,
} as const
declare('audit.event', auditEvent, null, { ...common, versions: system, salt: system })

export const auditShape = schema.table('shape', {
  tenantId: uuid('tenant_id').notNull(),
  shapeId: uuid('shape_id').notNull(),
  shape: jsonb('shape').notNull(),
})
declare('audit.shape', auditShape, null, { tenantId: key, shapeId: key, shape: system })

/** The view of events with their shapes put in again. */
export const readableEvent = schema.table('readable_event', {
  ...eventColumns(),
  touched: jsonb('touched').notNull(),
  subjectIds: uuid('subject_ids').array().notNull(),
})
declare('audit.readable_event', readableEvent, null, { ...common, touched: system, subjectIds: key })
