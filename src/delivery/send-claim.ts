import type { ChannelType, OutboundMessage } from '../channels/channel.ts'
import type { Database, Tx } from '../db/database.ts'
import { named, type SQL, sql } from '../db/sql.ts'
import { type Refusal, sendingRefusal } from '../privacy/sending-gate.ts'
import { type ChannelSettings, openSettings } from '../resources/channels/settings.ts'
import { leaseSeconds } from '../resources/messages/lease.ts'
import { sendingFacts } from '../resources/messages/sending-facts.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { settleMessage } from './send-settle.ts'

/** Whose outbox: ids only. */
export interface Outbox {
  tenantId: string
  region: string
  conversationId: string
}

/** Look-outs for one conversation are joined into slots of this length. */
const watchSlotMs = 30_000
/** An answer that could not be sent for so long would only surprise. */
const ageHoursMax = 24

/** A message that is to leave now; nobody else sends it until the lease is over. */
export interface Dispatch {
  id: string
  contactId: string
  channelId: string
  /** Tells this dispatch from others of the same message; by the database's clock. */
  dispatchedAt: string
  attempts: number
  channel: ChannelSettings
  message: OutboundMessage
}

/** Ready: not with the provider, or without a result for too long; and not to wait. A little early counts, for the job that was to come then has come. */
const isReady = (alias: string): SQL =>
  sql.raw(`(${alias}.retry_at IS NULL OR ${alias}.retry_at <= clock_timestamp() + interval '200 milliseconds')
    AND (${alias}.dispatched_at IS NULL OR ${alias}.dispatched_at <= clock_timestamp() - interval '${leaseSeconds} seconds')`)

/** The oldest message that waits, unless it is somebody else's or not to be tried yet: then its successors wait too. */
export async function nextMessage(db: Database, { conversationId, ...tenant }: Outbox): Promise<string | null> {
  const [head] = await db.lookup<{ id: string; is_ready: boolean }>(
    tenant,
    sql`SELECT m.id, ${isReady('m')} AS is_ready FROM app.message m WHERE m.tenant_id = ${tenant.tenantId}::uuid AND m.conversation_id = ${conversationId}::uuid
        AND m.status = 'queued' ORDER BY m.occurred_at, m.id LIMIT 1`,
  )
  return head?.is_ready ? head.id : null
}

interface QueuedRow {
  contact_id: string
  channel_id: string
  type: string
  text: string
  attachment_count: number
  purpose: string | null
  dispatched_at: string | null
  is_too_old: boolean
  thread_key: string
  channel_type: string
  sealed_settings: Buffer
  identity_id: string | null
  address_kind: string | null
  address: string | null
  reply_to: string | null
}

/** Somebody else was quicker: nothing was done, and there is nothing to write down. */
class Taken extends Error {}

/**
 * Takes a message for sending. What forbids it is found out here and written down; the message is then settled.
 * Who takes it leaves a job behind that looks after it when the lease is over: no death strands it.
 */
export async function claimMessage(db: Database, outbox: Outbox, id: string): Promise<Dispatch | 'settled' | 'taken'> {
  try {
    return await db.change(systemCaller(db, outbox, id), { action: 'send', resource: 'messages' }, async (tx) => {
      const [[row], known] = await Promise.all([
        tx.query<QueuedRow>(
          tx.kept('send/lock', () => lockSql),
          { tenantId: outbox.tenantId, id },
        ),
        sendingFacts(tx, outbox.conversationId),
      ])
      if (!row || !known) throw new Taken()
      const utterance = { type: row.type, text: row.text, attachmentCount: row.attachment_count, purpose: row.purpose }
      const refusal = sendingRefusal(known.facts, utterance, known.means, known.now)
      const outgoing = refusal ? failureOf(refusal) : row.is_too_old ? permanent('expired') : outgoingOf(tx, id, row)
      // Dispatched before, and no result: it may have arrived. Only a provider that drops what it has seen gets it again.
      const mayHaveLeft = row.dispatched_at !== null
      if (mayHaveLeft && ('code' in outgoing || !outgoing.channel.type.isIdempotent)) {
        await settleMessage(tx, { id, contactId: row.contact_id, status: 'unknown', error: noAnswer })
        return 'settled'
      }
      if ('code' in outgoing) {
        await settleMessage(tx, { id, contactId: row.contact_id, status: 'failed', error: outgoing })
        return 'settled'
      }
      const dispatch = await markDispatched(tx, outbox, id)
      // What the provider is told is seen by it: the words, and to whom.
      const subjectIds = [row.contact_id]
      tx.touch({ resource: 'messages', ids: [id], shown: ['text'], changed: [], subjectIds })
      if (row.identity_id !== null)
        tx.touch({ resource: 'identities', ids: [row.identity_id], shown: ['value'], subjectIds })
      return { id, contactId: row.contact_id, channelId: row.channel_id, ...dispatch, ...outgoing }
    })
  } catch (error) {
    if (error instanceof Taken) return 'taken'
    throw error
  }
}

/** To the address that the conversation has now: the provider may prefer another since it was written. */
const lockSql = sql`SELECT m.contact_id, m.channel_id, m.type, m.text, cardinality(m.attachment_ids) AS attachment_count, m.purpose, m.dispatched_at,
    m.created_at < clock_timestamp() - interval '${sql.raw(String(ageHoursMax))} hours' AS is_too_old, c.thread_key, h.type AS channel_type, h.sealed_settings,
    i.id AS identity_id, i.kind AS address_kind, i.value AS address, r.external_id AS reply_to
  FROM app.message m
  JOIN app.conversation c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
  JOIN app.channel h ON h.tenant_id = m.tenant_id AND h.id = m.channel_id
  LEFT JOIN app.identity i ON i.tenant_id = c.tenant_id AND i.id = c.identity_id
  LEFT JOIN app.message r ON r.tenant_id = m.tenant_id AND r.id = m.reply_to_id
  WHERE m.tenant_id = ${named('tenantId')}::uuid AND m.id = ${named('id')}::uuid AND m.status = 'queued' AND ${isReady('m')}
  FOR NO KEY UPDATE OF m`

async function markDispatched(
  tx: Tx,
  { tenantId, region, conversationId }: Outbox,
  id: string,
): Promise<{ dispatchedAt: string; attempts: number }> {
  const [row] = await tx.query<{ dispatched_at: string; attempts: number; lease_ends_ms: number }>(
    tx.kept(
      'send/dispatch',
      () => sql`UPDATE app.message SET dispatched_at = clock_timestamp(), attempts = attempts + 1, retry_at = NULL,
          identity_id = (SELECT c.identity_id FROM app.conversation c WHERE c.tenant_id = app.message.tenant_id AND c.id = app.message.conversation_id)
        WHERE tenant_id = ${named('tenantId')}::uuid AND id = ${named('id')}::uuid
        RETURNING dispatched_at, attempts, (extract(epoch FROM dispatched_at) * 1000)::float8 + ${sql.raw(String(leaseSeconds * 1000))} AS lease_ends_ms`,
    ),
    { tenantId, id },
  )
  if (!row) throw new Error('a locked message is gone')
  const slot = new Date(Math.ceil(row.lease_ends_ms / watchSlotMs + 0.01) * watchSlotMs)
  const key = `send/${tenantId}/${conversationId}/${slot.toISOString()}`
  await tx.enqueue('send', key, { tenantId, region, conversationId }, slot)
  return { dispatchedAt: row.dispatched_at, attempts: row.attempts }
}

/** Why a message is not sent, as its `error` says it. */
export interface Failure {
  code: string
  class: string
}

const permanent = (code: string): Failure => ({ code, class: 'permanent' })
const noAnswer: Failure = { code: 'no_answer', class: 'unknown' }

function failureOf({ code }: Refusal): Failure {
  return code === 'window_closed' || code === 'opted_out' ? { code, class: code } : permanent(code)
}

/** A channel's folder and what it is to send, or why it cannot be. */
function outgoingOf(
  tx: Tx,
  id: string,
  row: QueuedRow,
): { channel: ChannelSettings; message: OutboundMessage } | Failure {
  let channel: ChannelSettings
  try {
    channel = openSettings(tx.keys, row.channel_id, row.channel_type, row.sealed_settings)
  } catch {
    return permanent('channel_settings')
  }
  const recipient = recipientOf(channel.type, row)
  if (!recipient) return permanent('no_address')
  const content = { type: 'text' as const, text: row.text }
  return {
    channel,
    message: { id, recipient, content, files: [], ...(row.reply_to === null ? {} : { replyTo: row.reply_to }) },
  }
}

function recipientOf(type: ChannelType, row: QueuedRow): OutboundMessage['recipient'] | null {
  const kind = type.reaches.find((one) => one === row.address_kind)
  // A thread id too long to be kept was hashed: nobody can answer there.
  if (!kind || row.address === null || row.thread_key.startsWith('sha256:')) return null
  return {
    identities: [{ kind, value: row.address, verified: true }],
    ...(row.thread_key === '' ? {} : { thread: { id: row.thread_key, kind: type.threadKind } }),
  }
}
