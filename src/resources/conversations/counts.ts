import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Condition } from '../../access/condition.ts'
import { conditionSql } from '../../access/condition-sql.ts'
import { fieldSql, filterable, isAskable, rowsWhere, sight } from '../../access/door.ts'
import { type Principal, readerOf } from '../../access/principal.ts'
import type { ReadPlan } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { conversation } from '../../db/tables/conversation.ts'
import { conversationRead } from '../../db/tables/inbox.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { conversations } from './schema.ts'
import { seesSome } from './unread.ts'

const count = (description: string, example: number) => z.int().optional().meta({ description, example })

const answer = z
  .object({
    open: count('Those that are open.', 12),
    unread: count('Those in which there is something that you have not read.', 3),
    unassigned: count('Those that nobody answers yet and that are not closed.', 4),
    mine: count('Those that are yours to answer and not closed; left out for API keys of their own.', 5),
    waiting: count('Those in which the contact waits for an answer.', 6),
  })
  .meta({
    id: 'ConversationCounts',
    description:
      'How many conversations there are of each kind, among those that you see. What you may not ask about is left out.',
  })

export function countsRoute(app: FastifyInstance, { db }: Deps): void {
  app.get('/v1/conversations/counts', {
    config: { access: { action: 'read', resource: 'conversations' } },
    schema: operation('conversations.counts', 'Count conversations', {
      response: { 200: answer },
      description: 'The numbers beside the folders of an inbox. The same as the lists with the filters would show.',
    }),
    handler: async (request) => {
      const entry = { action: 'read', resource: 'conversations' } as const
      const { counts } = await db.read(callerOf(request), entry, plan)
      return answer.parse(counts?.[0] ?? {})
    },
  })
}

/** On record as a question about conversations, of which none is read. */
const about: Part = {
  name: 'rows',
  resource: 'conversations',
  columns: sql`NULL::uuid AS id, NULL::uuid AS "_subject"`,
  from: sql`(SELECT 1) AS nothing`,
  tenant: null,
  where: sql`false`,
  shown: [],
  masked: [],
  byRow: false,
}

const isLive: Condition = { op: 'in', field: 'status', values: ['open', 'pending', 'snoozed'] }
const asked = (principal: Principal): Readonly<Record<string, Condition>> => {
  const me = readerOf(principal)
  return {
    open: { op: 'eq', field: 'status', value: 'open' },
    unassigned: { op: 'and', of: [isLive, { op: 'exists', field: 'assigneeId', value: false }] },
    ...(me === null ? {} : { mine: { op: 'and', of: [isLive, { op: 'eq', field: 'assigneeId', value: me }] } }),
    waiting: { op: 'exists', field: 'waitingSince', value: true },
  }
}

function plan(principal: Principal): ReadPlan {
  return {
    key: 'conversations/counts',
    values: {},
    query: { counts: true },
    parts: () => [about, countsPart(principal)],
  }
}

function countsPart(principal: Principal): Part {
  const { usable, resolve } = filterable(principal, conversations)
  const fields = principal.ability.fields(conversations)
  const mayAsk = (node: Condition): boolean => {
    if (node.op === 'not') return mayAsk(node.of)
    if ('of' in node) return node.of.every(mayAsk)
    const field = fields.get(node.field)
    return field !== undefined && usable(field, node.op)
  }
  const columns = Object.entries(asked(principal)).flatMap(([name, condition]) =>
    mayAsk(condition) ? [counted(name, conditionSql(condition, resolve))] : [],
  )
  const unread = unreadSql(principal)
  if (unread) columns.push(counted('unread', unread))
  const rows = rowsWhere(principal, conversations, 'read')
  return {
    name: 'counts',
    resource: null,
    columns: columns.length > 0 ? sql.join(columns, sql`, `) : sql`0 AS nothing`,
    // Beside all conversations at once, where a list asks for each of its few: the same markers, the same answer.
    from: sql`${conversation} LEFT JOIN ${conversationRead} AS r ON r.tenant_id = ${conversation.tenantId}
      AND r.member_id = ${named('reader')}::uuid AND r.conversation_id = ${conversation.id}`,
    tenant: conversation.tenantId,
    where: sql`${rows || sql`false`} AND ${conversation.state} = 'active'`,
    shown: [],
    masked: [],
    byRow: false,
  }
}

const counted = (name: string, where: SQL): SQL => sql`count(*) FILTER (WHERE ${where})::int AS ${sql.identifier(name)}`

function unreadSql(principal: Principal): SQL | null {
  const seen = sight(principal, conversations, 'unread')
  if (!seen || !isAskable(seen)) return null
  const joined = sql`(coalesce(${conversation.heardCount} - r.read_count, ${conversation.unreadCount}) > 0)`
  return fieldSql(seesSome(principal) ? seen : { ...seen, field: { ...seen.field, value: joined } }, 'filter')
}
