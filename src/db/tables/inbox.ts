import { bigint } from 'drizzle-orm/pg-core/columns/bigint'
import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { conversation } from './conversation.ts'
import { app, configuration, declare, instant, key, staff, system } from './declare.ts'

/** How far a member has read. About the member; it goes with its conversation. */
export const conversationRead = app.table('conversation_read', {
  tenantId: uuid('tenant_id').notNull(),
  memberId: uuid('member_id').notNull(),
  conversationId: uuid('conversation_id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  messageId: uuid('message_id'),
  messageAt: instant('message_at'),
  readCount: integer('read_count').notNull(),
  isBehind: boolean('is_behind').notNull(),
  updatedAt: instant('updated_at').notNull(),
})
declare(
  'conversation_read',
  conversationRead,
  'conversationId',
  {
    tenantId: key,
    memberId: key,
    conversationId: key,
    businessUnitId: key,
    messageId: key,
    messageAt: staff,
    readCount: staff,
    isBehind: staff,
    updatedAt: staff,
  },
  conversation,
)

export const routingRule = app.table('routing_rule', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  businessUnitId: uuid('business_unit_id').notNull(),
  name: text('name').notNull(),
  position: integer('position').notNull(),
  enabled: boolean('enabled').notNull(),
  disabledReason: text('disabled_reason'),
  channelIds: uuid('channel_ids').array().notNull(),
  event: text('event').notNull(),
  condition: jsonb('condition'),
  actions: jsonb('actions').notNull(),
  continues: boolean('continues').notNull(),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('routing_rule', routingRule, null, {
  tenantId: key,
  id: key,
  businessUnitId: key,
  name: configuration,
  position: configuration,
  enabled: configuration,
  disabledReason: system,
  channelIds: configuration,
  event: configuration,
  condition: configuration,
  actions: configuration,
  continues: configuration,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})

export const routingCursor = app.table('routing_cursor', {
  tenantId: uuid('tenant_id').notNull(),
  teamId: uuid('team_id').notNull(),
  turn: bigint('turn', { mode: 'number' }).notNull(),
  turns: jsonb('turns').notNull(),
  updatedAt: instant('updated_at').notNull(),
})
declare('routing_cursor', routingCursor, null, {
  tenantId: key,
  teamId: key,
  turn: system,
  turns: staff,
  updatedAt: system,
})
