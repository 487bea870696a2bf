import { randomUUIDv7 } from 'node:crypto'
import type { Principal } from '../../access/principal.ts'
import { Finish, type JsonRow, type Tx } from '../../db/database.ts'
import { referenced, ruled, unknownReference } from '../../db/reference.ts'
import { finishRow, insertRow, lockRow } from '../../db/row-changes.ts'
import { json, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import type { Made } from '../../http/idempotency.ts'
import { type Veiled, veiledOf } from '../../privacy/detection.ts'
import { type Refusal, sendingRefusal } from '../../privacy/sending-gate.ts'
import { takeAttachments } from '../attachments/queries.ts'
import { fileKinds, sentAs } from '../attachments/sent-as.ts'
import { answeredBy } from '../conversations/read-marker.ts'
import { conversations } from '../conversations/schema.ts'
import { partsRefusal, saidOf } from './parts.ts'
import { type MessageSend, messages } from './schema.ts'
import { misfitting, sendingFacts } from './sending-facts.ts'

/** What becomes of a conversation when it is answered: nobody waits, nothing is unread. */
const answered = ['lastMessageId', 'lastMessageAt', 'waitingSince', 'unreadCount']

/**
 * Puts an answer into the outbox: the message, what it means for its conversation, and the job that sends it, in one
 * transaction. The conversation's lock gives the answers of one conversation their order.
 * @param purpose the request's, where the message and its conversation name none
 * @throws Problem not_found, forbidden, conflict, window_closed, or unprocessable with the gate's reason
 */
export async function messageQueue(
  tx: Tx,
  conversationId: string,
  body: MessageSend,
  purpose: string | null,
): Promise<Finish<Made> | Made> {
  const { principal } = tx
  const [{ clear }, known, files] = await Promise.all([
    lockRow(tx, conversations, conversationId, 'read'),
    sendingFacts(tx, conversationId),
    body.attachmentIds.length > 0 ? fileKinds(tx, body.attachmentIds) : [],
  ])
  if (!known) throw new Problem('not_found', { recordIds: [conversationId] })
  const id = randomUUIDv7()
  const kinds = sentAs(files, known.means?.files ?? [])
  // Parts of another type are none: what is wrong with them is said when it is known that the caller may send.
  const parts = partsRefusal(body)
  const { text, content, rich } = saidOf(body)
  const after: JsonRow = {
    id,
    conversationId,
    contactId: clear.contactId,
    identityId: known.isGroup ? null : clear.identityId,
    channelId: clear.channelId,
    businessUnitId: clear.businessUnitId,
    direction: 'outbound',
    type: body.type === 'text' ? (kinds[0] ?? 'text') : body.type,
    content,
    text,
    reactions: [],
    attachmentIds: body.attachmentIds,
    status: 'queued',
    replyToId: body.replyToId ?? null,
    historical: false,
    purpose: body.purpose ?? clear.purpose ?? purpose ?? principal.purpose,
  }
  if (!principal.ability.can('send', messages, after)) throw new Problem('forbidden', { recordIds: [conversationId] })
  if (body.expectedLastMessageId !== undefined && body.expectedLastMessageId !== (clear.lastMessageId ?? null))
    throw new Problem('conflict', {
      detail: 'The conversation has gone on since you looked.',
      errors: [{ path: '/expectedLastMessageId', code: 'newer_message', message: 'Another message is the last one.' }],
    })
  const utterance = {
    type: String(after.type),
    text,
    ...misfitting(rich, known.rich),
    files: kinds,
    hasSubject: body.subject !== undefined,
    purpose: typeof after.purpose === 'string' ? after.purpose : null,
    isByMember: isByMember(principal),
  }
  const refusal = parts ?? sendingRefusal(known.facts, utterance, known.means, known.now)
  if (refusal) throw refused(refusal)
  if (body.replyToId) {
    const replied = await referenced(tx, messages, body.replyToId)
    if (replied?.conversationId !== conversationId) throw ruled(unknownReference('/replyToId'))
    if (rich?.type === 'reaction' && !isReachable(replied)) throw refused(outOfReach)
    // In a group it is theirs whom it answers, and goes with them when they are erased.
    if (known.isGroup) after.contactId = replied.contactId
  }
  const veiled = veiledOf({ text, content }, known.country)
  const finish = await write(tx, after, veiled, Number(clear.version) + 1)
  if (body.attachmentIds.length === 0) return finish
  // Files are given to a message that is there.
  const made = await finish.now(tx)
  await takeAttachments(tx, id, String(after.contactId), conversationId, body.attachmentIds)
  return made
}

const isByMember = ({ kind, onBehalfOf }: Principal): boolean => kind === 'member' || onBehalfOf !== null

/** Only what the provider has under an id of its own can be reacted to. */
const isReachable = ({ externalId, deletedAt }: JsonRow): boolean =>
  typeof externalId === 'string' && !externalId.startsWith('sha256:') && (deletedAt ?? null) === null

const outOfReach: Refusal = {
  code: 'part_not_sendable',
  path: '/replyToId',
  message: 'The provider does not have this message, or no longer.',
}

async function write(tx: Tx, after: JsonRow, veiled: Veiled, conversationVersion: number): Promise<Finish<Made>> {
  const { tenantId, region, onBehalfOf, kind, id: principalId, me } = tx.principal
  const { id, conversationId, contactId } = after
  // It answers nobody: who waits waits on, and what was said last is the same.
  const isReaction = after.type === 'reaction'
  const [[clock]] = await Promise.all([
    // After the lock, so that messages of a conversation are ordered as they were let in.
    tx.query<{ now: string; owed_since: string | null; owed_count: number }>(
      isReaction
        ? sql`SELECT greatest(last_message_at, clock_timestamp()) AS now, NULL AS owed_since, 0 AS owed_count FROM app.conversation
      WHERE tenant_id = ${tenantId}::uuid AND id = ${conversationId}::uuid`
        : sql`UPDATE app.conversation AS c
      SET last_message_id = ${id}::uuid, last_message_at = greatest(c.last_message_at, clock_timestamp()), waiting_since = NULL, unread_count = 0,
          version = c.version + 1, updated_at = now() FROM app.conversation AS o
      WHERE c.tenant_id = ${tenantId}::uuid AND c.id = ${conversationId}::uuid AND o.tenant_id = c.tenant_id AND o.id = c.id
      RETURNING least(c.last_message_at, clock_timestamp()) AS now, o.waiting_since AS owed_since, o.unread_count AS owed_count`,
    ),
    tx.enqueue('send', `send/${tenantId}/${String(conversationId)}`, {
      tenantId,
      region,
      conversationId: String(conversationId),
    }),
    isReaction ? undefined : answeredBy(tx, String(conversationId), String(id)),
  ])
  const insert = insertRow(tx, messages, String(id), {
    business_unit_id: after.businessUnitId,
    conversation_id: conversationId,
    contact_id: contactId,
    identity_id: after.identityId,
    channel_id: after.channelId,
    direction: after.direction,
    type: after.type,
    content: json(after.content),
    attachment_ids: after.attachmentIds,
    text: after.text,
    veiled: json(veiled),
    status: after.status,
    author_kind: onBehalfOf === null ? kind : 'member',
    author_id: me.id,
    author_key_id: onBehalfOf === null ? null : principalId,
    reply_to_id: after.replyToId,
    purpose: after.purpose,
    occurred_at: clock?.now,
    owed_since: clock?.owed_since ?? null,
    owed_count: clock?.owed_count ?? 0,
  })
  const subjectId = typeof contactId === 'string' ? contactId : null
  if (!isReaction)
    tx.touch({
      resource: conversations.name,
      ids: [String(conversationId)],
      changed: answered,
      version: conversationVersion,
      subjectIds: [subjectId],
    })
  const changed = [
    'conversationId',
    'type',
    'text',
    'status',
    ...(after.replyToId === null ? [] : ['replyToId']),
    ...(Array.isArray(after.attachmentIds) && after.attachmentIds.length > 0 ? ['attachments'] : []),
  ]
  const finish = finishRow(tx, messages, insert, { id: String(id), after, changed, version: 1, subjectId })
  return new Finish(finish.statement, finish.touched, (rows) => ({ id: String(id), record: finish.done(rows) }))
}

function refused({ code, path, message }: Refusal): Problem {
  return new Problem(code === 'window_closed' ? 'window_closed' : 'unprocessable', {
    detail: message,
    errors: [{ path, code, message }],
  })
}
