import { z } from 'zod'
import { richOf } from '../../channels/rich/content.ts'
import { touches } from '../../db/audit-event.ts'
import type { Database, ReadPlan, Tx } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { array, named, type SQL, sql } from '../../db/sql.ts'
import { utc } from '../../db/view.ts'
import { Problem } from '../../errors.ts'
import { after, type VisitorCursor } from './cursor.ts'
import type { VisitorMessage } from './schema.ts'
import type { ChatVisitor } from './visitors.ts'

/** The channel has changed since it was read: it is to be read again, and the visitor asked again who they are. */
export class ChannelChanged extends Error {}

const fileRow = z.object({
  id: z.uuid(),
  messageId: z.uuid(),
  fileName: z.string().nullable(),
  mediaType: z.string().nullable(),
  size: z.number().nullable(),
})
const messageRow = z.object({
  id: z.uuid(),
  conversationId: z.uuid(),
  sequence: z.number(),
  externalId: z.string().nullable(),
  direction: z.enum(['inbound', 'outbound']),
  type: z.string(),
  text: z.string(),
  content: z.json().nullable(),
  status: z.string(),
  author: z.string().nullable(),
  replyToId: z.uuid().nullable(),
  occurredAt: z.string(),
  editedAt: z.string().nullable(),
  deletedAt: z.string().nullable(),
  isGone: z.boolean(),
})

export interface ToldMessage {
  message: VisitorMessage
  conversationId: string
  sequence: number
  /** sent, and not yet known to have reached the visitor */
  isUndelivered: boolean
}

/** What is new to a visitor, in the order of the cursor. */
export interface Told {
  messages: ToldMessage[]
  cursor: VisitorCursor
  hasMore: boolean
}

export const tenant = sql`${named('eventTenant')}::uuid`
const channel = sql`${named('channel')}::uuid`

/** The channel as the visitor's token was checked against it: a row while it is so. */
export const standing: Part = {
  name: 'standing',
  resource: null,
  columns: sql`1 AS ok`,
  from: sql`app.channel AS h`,
  tenant: null,
  where: sql`h.tenant_id = ${tenant} AND h.id = ${channel} AND h.id || '/' || h.version = ${named('standing')} AND h.status = 'active' AND h.state = 'active'`,
  shown: [],
  masked: [],
  byRow: false,
}

/** A visitor's own conversations: those at the very addresses that their token names, on this channel, and no others. */
export const own: Part = {
  name: 'own',
  resource: null,
  columns: sql`c.id, c.contact_id`,
  from: sql`app.identity AS i JOIN app.conversation AS c ON c.tenant_id = i.tenant_id AND c.channel_id = i.channel_id AND c.identity_id = i.id`,
  tenant: null,
  where: sql`i.tenant_id = ${tenant} AND i.match_value = ANY (${named('matches')}::text[]) AND i.kind = 'webchat' AND i.channel_id = ${channel}
    AND i.state = 'active' AND c.state = 'active' AND EXISTS (SELECT FROM standing)`,
  shown: [],
  masked: [],
  byRow: false,
}

const shown = ['type', 'direction', 'text', 'content', 'author', 'replyToId', 'occurredAt', 'editedAt', 'deletedAt']

const messageParts = (): Part[] => [
  standing,
  own,
  {
    name: 'rows',
    resource: 'messages',
    columns: sql`m.id, m.conversation_id AS "conversationId", m.visitor_sequence AS sequence, m.external_id AS "externalId", m.direction, m.type,
      CASE WHEN m.state = 'active' AND m.deleted_at IS NULL THEN m.text ELSE '' END AS text, m.status,
      CASE WHEN m.direction = 'outbound' AND m.type IN ('interactive', 'location', 'contacts', 'reaction') AND m.state = 'active' AND m.deleted_at IS NULL THEN m.content END AS content,
      CASE WHEN ${named('withAuthors')}::boolean AND m.author_kind = 'member' THEN (SELECT a.display_name FROM app.member AS a WHERE a.tenant_id = m.tenant_id AND a.id = m.author_id) END AS author,
      m.reply_to_id AS "replyToId", m.occurred_at AS "occurredAt", m.edited_at AS "editedAt",
      CASE WHEN m.state = 'active' THEN m.deleted_at ELSE coalesce(m.deleted_at, m.updated_at) END AS "deletedAt", m.state <> 'active' AS "isGone", m.contact_id AS "_subject"`,
    from: sql`own AS o JOIN app.message AS m ON m.tenant_id = ${tenant} AND m.conversation_id = o.id`,
    tenant: null,
    where: sql`m.visitor_sequence > coalesce((${named('cursor')}::jsonb->>(m.conversation_id::text))::bigint, 0)`,
    orderBy: sql`m.conversation_id, m.visitor_sequence`,
    limit: { fetch: sql`${named('limit')}::int + 1`, answer: sql`${named('limit')}::int` },
    shown,
    masked: [],
    byRow: false,
  },
  {
    name: 'files',
    resource: 'attachments',
    columns: sql`f.id, f.message_id AS "messageId", f.file_name AS "fileName", f.media_type AS "mediaType", f.size, f.contact_id AS "_subject"`,
    from: sql`rows AS r JOIN app.attachment AS f ON f.tenant_id = ${tenant} AND f.message_id = r.id`,
    tenant: null,
    where: sql`f.state = 'active' AND f.status <> 'removed' AND NOT r."isGone" AND r."deletedAt" IS NULL`,
    orderBy: sql`f.id`,
    shown: ['fileName', 'mediaType', 'size'],
    masked: [],
    byRow: false,
    isAside: true,
  },
]

/** What the statements of a visitor's requests hang on. */
export const visitorValues = ({ known, matches }: ChatVisitor): Record<string, unknown> => ({
  channel: known.id,
  standing: known.standing.join(),
  matches: [...matches],
})

/**
 * What is new to a visitor after a cursor; audited as shown before it is given back.
 * @throws ChannelChanged
 */
export async function messagesAfter(
  db: Database,
  one: ChatVisitor,
  cursor: VisitorCursor,
  limit: number,
): Promise<Told> {
  const { caller, settings, visitor } = one
  const plan = (): ReadPlan => ({
    key: 'webchat/messages',
    parts: messageParts,
    values: {
      ...visitorValues(one),
      cursor: JSON.stringify(cursor),
      limit,
      withAuthors: settings.showAuthors ?? false,
    },
  })
  const result = await db.read(caller, { action: 'read', resource: 'messages' }, plan)
  if (!result.standing?.length) throw new ChannelChanged()
  const rows = z.array(messageRow).parse(result.rows)
  const files = Map.groupBy(z.array(fileRow).parse(result.files ?? []), (file) => file.messageId)
  const messages = rows.slice(0, limit).map((row): ToldMessage => {
    const { id, conversationId, sequence, direction, type, text, replyToId, author } = row
    const own = `${visitor.id}/`
    return {
      conversationId,
      sequence,
      isUndelivered: direction === 'outbound' && row.status === 'sent',
      message: {
        id,
        ...(direction === 'inbound' && row.externalId?.startsWith(own)
          ? { clientId: row.externalId.slice(own.length) }
          : {}),
        ...{ direction, type, text },
        ...offered(row),
        attachments: (files.get(id) ?? []).map(({ messageId: _message, ...file }) => file),
        ...(author === null ? {} : { author: { displayName: author } }),
        replyToId,
        occurredAt: utc(row.occurredAt),
        editedAt: row.editedAt === null ? null : utc(row.editedAt),
        deletedAt: row.deletedAt === null ? null : utc(row.deletedAt),
      },
    }
  })
  return { messages, cursor: after(cursor, messages), hasMore: rows.length > limit }
}

/** The choices, the place or the cards of an answer, as they were sent. */
function offered({ type, content, text }: z.infer<typeof messageRow>): Partial<VisitorMessage> {
  const rich = content === null ? null : richOf(type, content, text)
  switch (rich?.type) {
    case 'interactive':
      return { interactive: rich.interactive }
    case 'location':
      return { location: rich.location }
    case 'contacts':
      return { contacts: rich.contacts }
    case 'reaction':
      return { reaction: rich.reaction }
    default:
      return {}
  }
}

/** A visitor's latest conversation, if there is one. @throws ChannelChanged */
export async function conversationOf(db: Database, one: ChatVisitor): Promise<string | null> {
  const result = await db.read(one.caller, { action: 'read', resource: 'conversations' }, () => ({
    key: 'webchat/conversation',
    values: visitorValues(one),
    parts: () => [
      standing,
      own,
      {
        name: 'rows',
        resource: 'conversations',
        columns: sql`c.id, c.contact_id AS "_subject"`,
        from: sql`own AS o JOIN app.conversation AS c ON c.tenant_id = ${tenant} AND c.id = o.id`,
        tenant: null,
        where: sql`true`,
        orderBy: sql`c.last_message_at DESC NULLS LAST, c.id DESC`,
        limit: { fetch: sql`1`, answer: sql`1` },
        shown: ['id'],
        masked: [],
        byRow: false,
      },
    ],
  }))
  if (!result.standing?.length) throw new ChannelChanged()
  const [row] = result.rows ?? []
  return typeof row?.id === 'string' ? row.id : null
}

interface MarkedRow {
  id: string
  version: number
  contactId: string
}

/** The visitor has got these answers: given out, as far as we can know. */
export async function markDelivered(db: Database, { caller }: ChatVisitor, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await db.change(caller, { action: 'update', resource: 'messages' }, async (tx) => {
    const rows = await setStatus(tx, 'delivered', sql`m.id = ANY (${array(ids, 'uuid')}) AND m.status = 'sent'`)
    touchMarked(tx, rows, ids)
  })
}

/**
 * The visitor has read all answers up to a message of their own conversation.
 * @throws Problem not_found; ChannelChanged
 */
export async function markRead(db: Database, one: ChatVisitor, lastMessageId: string): Promise<void> {
  const { known, matches, caller } = one
  await db.change(caller, { action: 'update', resource: 'messages' }, async (tx) => {
    const { tenantId } = tx.principal
    const [stands] = await tx.query(
      sql`SELECT 1 FROM app.channel h WHERE h.tenant_id = ${tenantId}::uuid AND h.id = ${known.id}::uuid AND h.id || '/' || h.version = ${known.standing.join()}
          AND h.status = 'active' AND h.state = 'active'`,
    )
    if (!stands) throw new ChannelChanged()
    const [last] = await tx.query<{ conversation_id: string; occurred_at: string }>(
      sql`SELECT m.conversation_id, m.occurred_at FROM app.identity i
            JOIN app.conversation c ON c.tenant_id = i.tenant_id AND c.channel_id = i.channel_id AND c.identity_id = i.id
            JOIN app.message m ON m.tenant_id = c.tenant_id AND m.conversation_id = c.id
          WHERE i.tenant_id = ${tenantId}::uuid AND i.kind = 'webchat' AND i.channel_id = ${known.id}::uuid AND i.match_value = ANY (${array(matches, 'text')})
            AND i.state = 'active' AND c.state = 'active' AND m.id = ${lastMessageId}::uuid AND m.visitor_sequence IS NOT NULL`,
    )
    if (!last) throw new Problem('not_found', { recordIds: [lastMessageId] })
    const rows = await setStatus(
      tx,
      'read',
      sql`m.conversation_id = ${last.conversation_id}::uuid AND m.direction = 'outbound' AND m.status IN ('sent', 'delivered')
        AND m.occurred_at <= ${last.occurred_at}::timestamptz`,
    )
    touchMarked(tx, rows, [lastMessageId])
  })
}

async function setStatus(tx: Tx, status: string, which: SQL): Promise<MarkedRow[]> {
  const { tenantId } = tx.principal
  return tx.query<MarkedRow & Record<string, unknown>>(
    sql`UPDATE app.message SET status = ${status}, version = app.message.version + 1, updated_at = now()
        FROM (SELECT m.tenant_id, m.id FROM app.message m WHERE m.tenant_id = ${tenantId}::uuid AND ${which} ORDER BY m.id FOR NO KEY UPDATE) AS w
        WHERE app.message.tenant_id = w.tenant_id AND app.message.id = w.id
        RETURNING app.message.id, app.message.version, app.message.contact_id AS "contactId"`,
  )
}

function touchMarked(tx: Tx, rows: readonly MarkedRow[], asked: readonly string[]): void {
  const subjects = new Map(rows.map((row) => [row.id, row.contactId]))
  for (const one of touches('messages', rows, ['status'], (id) => subjects.get(id))) tx.touch(one)
  if (rows.length === 0) tx.touch({ resource: 'messages', ids: asked })
}
