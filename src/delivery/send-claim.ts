import type { ChannelType } from '../channels/channel.ts'
import type { Database, Tx } from '../db/database.ts'
import { named, type SQL, sql } from '../db/sql.ts'
import { type Refusal, sendingRefusal } from '../privacy/sending-gate.ts'
import type { ChannelSettings } from '../resources/channels/settings.ts'
import { leaseSeconds } from '../resources/messages/lease.ts'
import { sendingFacts } from '../resources/messages/sending-facts.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import {
  type Failure,
  filesOf,
  isRepeatable,
  type Outgoing,
  type OutgoingFile,
  outgoingOf,
  permanent,
  type QueuedRow,
  queuedColumns,
  utteranceOf,
} from './send-outgoing.ts'
import { takeTurn } from './send-pace.ts'
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
  message: Outgoing['message']
  files: OutgoingFile[]
  isMarketing: boolean
  /** The handle that it was given, as the conversation had it: certainly unused, it is given back. */
  handle: GivenHandle | null
}

export interface GivenHandle {
  sealed: Buffer
  until: string
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

/** Somebody else was quicker: nothing was done, and there is nothing to write down. */
class Taken extends Error {}

/**
 * Takes a message for sending. What forbids it is found out here and written down; the message is then settled.
 * Who takes it leaves a job behind that looks after it when the lease is over: no death strands it.
 */
export async function claimMessage(
  db: Database,
  outbox: Outbox,
  id: string,
): Promise<Dispatch | 'settled' | 'taken' | 'later'> {
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
      const files = await filesOf(tx, row, known.means?.files ?? [])
      const refusal = sendingRefusal(known.facts, utteranceOf(row, files, known.rich), known.means, known.now)
      const outgoing = refusal
        ? failureOf(refusal)
        : row.is_too_old
          ? permanent('expired')
          : await outgoingOf(tx, id, outbox.conversationId, row, files, known)
      // Dispatched before, and no result: it may have arrived. Only who drops what was seen before gets it again.
      const mayHaveLeft = row.dispatched_at !== null
      const isKnownAgain =
        'channel' in outgoing &&
        ((outgoing.channel.type.isIdempotent && !row.had_reply_handle) || isRepeatable(outgoing.message))
      if (mayHaveLeft && !isKnownAgain) {
        await settleMessage(tx, { id, contactId: row.contact_id, status: 'unknown', error: noAnswer })
        return 'settled'
      }
      if ('code' in outgoing) {
        await settleMessage(tx, { id, contactId: row.contact_id, status: 'failed', error: outgoing })
        return 'settled'
      }
      if (!mayHaveLeft && (await waits(tx, outbox, id, row, outgoing.channel.type))) return 'later'
      const hasHandle = outgoing.message.replyHandle !== undefined
      const { reply_handle: sealed, reply_handle_until: until } = row
      const handle = hasHandle && sealed !== null && until !== null ? { sealed, until } : null
      const dispatch = await markDispatched(tx, outbox, id, hasHandle)
      // What the provider is told is seen by it: the words, and to whom.
      const subjectIds = [row.contact_id]
      tx.touch({ resource: 'messages', ids: [id], shown: ['text'], changed: [], subjectIds })
      if (outgoing.files.length > 0)
        tx.touch({ resource: 'attachments', ids: row.attachment_ids, shown: ['content'], changed: [], subjectIds })
      if (row.identity_id !== null && !row.is_group)
        tx.touch({ resource: 'identities', ids: [row.identity_id], shown: ['value'], subjectIds })
      return { id, contactId: row.contact_id, channelId: row.channel_id, ...dispatch, ...outgoing, handle }
    })
  } catch (error) {
    if (error instanceof Taken) return 'taken'
    throw error
  }
}

const lockSql = sql`SELECT ${queuedColumns}, m.created_at < clock_timestamp() - interval '${sql.raw(String(ageHoursMax))} hours' AS is_too_old
  FROM app.message m
  JOIN app.conversation c ON c.tenant_id = m.tenant_id AND c.id = m.conversation_id
  JOIN app.channel h ON h.tenant_id = m.tenant_id AND h.id = m.channel_id
  LEFT JOIN app.identity i ON i.tenant_id = c.tenant_id AND i.id = c.identity_id
  LEFT JOIN app.message r ON r.tenant_id = m.tenant_id AND r.id = m.reply_to_id
  WHERE m.tenant_id = ${named('tenantId')}::uuid AND m.id = ${named('id')}::uuid AND m.status = 'queued' AND ${isReady('m')}
  FOR NO KEY UPDATE OF m`

/** Less is no wait: a job for it would come later than that. */
const waitMsMin = 30

/** @returns whether the message waits, for its turn or with the whole account; then it is marked so, and has a job */
async function waits(tx: Tx, outbox: Outbox, id: string, row: QueuedRow, type: ChannelType): Promise<boolean> {
  const pausedMs = row.pause_ms ?? 0
  // Those who were kept waiting together do not come back together.
  const pause = pausedMs > 0 ? pausedMs * (1 + Math.random() * 0.1) : 0
  const group = row.thread_key === '' ? null : (type.groupOf?.(row.thread_key) ?? null)
  const pacing = { channelId: row.channel_id, identityId: row.identity_id, group, limits: type.limits }
  const turn = row.slot_at === null ? await takeTurn(tx, pacing) : 0
  const waitMs = Math.max(pause, turn)
  if (waitMs < waitMsMin) return false
  const [written] = await tx.query<{ retry_ms: number }>(
    sql`UPDATE app.message SET slot_at = coalesce(slot_at, clock_timestamp()), retry_at = clock_timestamp() + make_interval(secs => ${waitMs / 1000}::float8)
      WHERE tenant_id = ${outbox.tenantId}::uuid AND id = ${id}::uuid RETURNING (extract(epoch FROM retry_at) * 1000)::float8 AS retry_ms`,
  )
  const at = new Date(Math.ceil(written?.retry_ms ?? Date.now()))
  await tx.enqueue('send', `send/${outbox.tenantId}/${outbox.conversationId}/${at.toISOString()}`, { ...outbox }, at)
  tx.touch({ resource: 'messages', ids: [id], changed: [], subjectIds: [row.contact_id] })
  return true
}

async function markDispatched(
  tx: Tx,
  { tenantId, region, conversationId }: Outbox,
  id: string,
  hasHandle: boolean,
): Promise<{ dispatchedAt: string; attempts: number }> {
  const [row] = await tx.query<{ dispatched_at: string; attempts: number; lease_ends_ms: number }>(
    tx.kept(
      'send/dispatch',
      () => sql`UPDATE app.message SET dispatched_at = clock_timestamp(), attempts = attempts + 1, retry_at = NULL, slot_at = NULL, had_reply_handle = ${named('hasHandle')}::boolean,
          identity_id = (SELECT CASE WHEN NOT c.is_group THEN c.identity_id END FROM app.conversation c WHERE c.tenant_id = app.message.tenant_id AND c.id = app.message.conversation_id)
        WHERE tenant_id = ${named('tenantId')}::uuid AND id = ${named('id')}::uuid
        RETURNING dispatched_at, attempts, (extract(epoch FROM dispatched_at) * 1000)::float8 + ${sql.raw(String(leaseSeconds * 1000))} AS lease_ends_ms`,
    ),
    { tenantId, id, hasHandle },
  )
  if (!row) throw new Error('a locked message is gone')
  // It is good for one answer, whatever becomes of this one; only of one that has certainly not left it comes back.
  if (hasHandle)
    await tx.query(sql`UPDATE app.conversation SET sealed_reply_handle = NULL, reply_handle_until = NULL
      WHERE tenant_id = ${tenantId}::uuid AND id = ${conversationId}::uuid`)
  const slot = new Date(Math.ceil(row.lease_ends_ms / watchSlotMs + 0.01) * watchSlotMs)
  const key = `send/${tenantId}/${conversationId}/${slot.toISOString()}`
  await tx.enqueue('send', key, { tenantId, region, conversationId }, slot)
  return { dispatchedAt: row.dispatched_at, attempts: row.attempts }
}

const noAnswer: Failure = { code: 'no_answer', class: 'unknown' }

function failureOf({ code }: Refusal): Failure {
  if (code === 'window_closed' || code === 'opted_out') return { code, class: code }
  return code === 'blocked' ? { code, class: 'opted_out' } : permanent(code)
}
