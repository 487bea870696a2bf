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

export const auditEvent = pgSchema('audit').table('event', {
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
  touched: jsonb('touched').notNull(),
  subjectIds: uuid('subject_ids').array().notNull(),
  rowCount: integer('row_count').notNull(),
  outcome: text('outcome').notNull(),
  code: text('code'),
  purpose: text('purpose'),
  query: jsonb('query'),
  sealedNote: bytea('sealed_note'),
  causeId: uuid('cause_id'),
  requestId: text('request_id'),
  ip: inet('ip'),
})
declare('audit.event', auditEvent, null, {
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
  touched: system,
  subjectIds: key,
  rowCount: system,
  outcome: system,
  code: system,
  purpose: system,
  query: system,
  sealedNote: content,
  causeId: key,
  requestId: system,
  ip: staff,
})
