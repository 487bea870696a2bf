import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Condition } from '../../access/condition.ts'
import { asLiteral, conditionSql } from '../../access/condition-sql.ts'
import { filterable, rowsWhere } from '../../access/door.ts'
import { type Principal, readerOf } from '../../access/principal.ts'
import type { ReadPlan } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { conversation } from '../../db/tables/conversation.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { conversations } from './schema.ts'

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
    unread: { op: 'eq', field: 'unread', value: true },
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
    mayAsk(condition) ? [counted(principal, name, conditionSql(condition, resolve, asLiteral))] : [],
  )
  return {
    name: 'counts',
    resource: null,
    columns: columns.length > 0 ? sql.join(columns, sql`, `) : sql`0 AS nothing`,
    from: sql`(SELECT 1) AS once`,
    tenant: null,
    where: sql`true`,
    shown: [],
    masked: [],
    byRow: false,
  }
}

/** Each by itself, since each has an index of its own. */
function counted(principal: Principal, name: string, where: SQL): SQL {
  const rows = rowsWhere(principal, conversations, 'read')
  return sql`(SELECT count(*)::int FROM ${conversation} WHERE ${conversation.tenantId} = ${named('eventTenant')}::uuid
    AND ${conversation.state} = 'active' AND ${where} AND ${rows || sql`false`}) AS ${sql.identifier(name)}`
}
