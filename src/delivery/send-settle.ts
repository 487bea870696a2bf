import { setTimeout as sleep } from 'node:timers/promises'
import type { SendResult } from '../channels/channel.ts'
import type { Reaction } from '../channels/rich/content.ts'
import { touches } from '../db/audit-event.ts'
import { recordChanges } from '../db/change-values.ts'
import type { Database, Tx } from '../db/database.ts'
import { json, sql } from '../db/sql.ts'
import { channelSent, channelTrouble } from '../resources/channels/health.ts'
import { answersFailed } from '../resources/conversations/owed.ts'
import { indexable } from '../resources/identities/address.ts'
import { messageListByExternalId, messageUpdateAll } from '../resources/messages/queries.ts'
import { messages } from '../resources/messages/schema.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import type { Dispatch, Outbox } from './send-claim.ts'
import type { Failure } from './send-outgoing.ts'
import { pauseAccount } from './send-pace.ts'

const firstRetryMs = 1_000
const retryMsMax = 300_000
/** However long a provider asks us to wait: then the message has long expired. */
const askedMsMax = 86_400_000
/** The result of a call is known only here: it is worth some patience with the database. */
const writeAttempts = [500, 1_000, 2_000, 4_000, 8_000]

/** Brings a waiting message to an end without (a known) success. */
export async function settleMessage(
  tx: Tx,
  { id, contactId, status, error }: { id: string; contactId: string; status: 'failed' | 'unknown'; error: Failure },
): Promise<void> {
  const [row] = await tx.query<{ version: number }>(
    sql`UPDATE app.message SET status = ${status}, error = ${json(error)}, retry_at = NULL, version = version + 1, updated_at = now()
      WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${id}::uuid RETURNING version`,
  )
  touchMessage(tx, { id, contactId }, ['status', 'error'], row?.version)
  if (status === 'failed') await oweAgain(tx, id)
}

/** The contact to whom it was an answer waits again. */
async function oweAgain(tx: Tx, id: string): Promise<void> {
  for (const one of await answersFailed(tx, [id])) tx.touch(one)
}

/**
 * Writes down what the provider said.
 * @param goesOn whether another job is to go on with the conversation, since this one has worked long enough
 * @returns whether the next message of the conversation may follow now
 */
export async function recordResult(
  db: Database,
  outbox: Outbox,
  dispatch: Dispatch,
  result: SendResult,
  goesOn: boolean,
): Promise<boolean> {
  for (const waitMs of [...writeAttempts, null]) {
    try {
      return await db.change(systemCaller(db, outbox, dispatch.id), { action: 'send', resource: 'messages' }, (tx) =>
        write(tx, outbox, dispatch, result, goesOn),
      )
    } catch (error) {
      if (waitMs === null) throw error
      await sleep(waitMs)
    }
  }
  return false
}

async function write(
  tx: Tx,
  outbox: Outbox,
  dispatch: Dispatch,
  result: SendResult,
  goesOn: boolean,
): Promise<boolean> {
  if (result.outcome === 'retry') {
    await pauseAccount(tx, dispatch.channelId, result, askedMsMax)
    await giveBackHandle(tx, outbox.conversationId, dispatch)
    await putBack(tx, outbox, dispatch, result.retryAfterMs ?? null)
    return false
  }
  if (result.outcome === 'sent') await sent(tx, outbox.conversationId, dispatch, indexable(result.externalId))
  else await notSent(tx, dispatch, result)
  const { tenantId, region, conversationId } = outbox
  if (goesOn) await tx.enqueue('send', `send/${tenantId}/${conversationId}`, { tenantId, region, conversationId })
  return true
}

/**
 * A status that the provider reported meanwhile stays: it can only be further on. An id that another message of the
 * channel has (a connector that gives one id twice) is left out.
 */
async function sent(
  tx: Tx,
  conversationId: string,
  { id, contactId, channelId, message }: Dispatch,
  externalId: string,
): Promise<void> {
  const { tenantId } = tx.principal
  // The customer may have read it by now: the conversation says how far they have come. Shared, so that one who says so
  // at this moment is not missed.
  const [row] = await tx.query<{
    version: number
  }>(sql`WITH c AS MATERIALIZED (SELECT c.delivered_up_to, c.read_up_to FROM app.conversation c WHERE c.tenant_id = ${tenantId}::uuid
      AND c.id = ${conversationId}::uuid FOR SHARE)
    UPDATE app.message m
    SET status = CASE WHEN m.status NOT IN ('queued', 'unknown') THEN m.status WHEN m.dispatched_at <= c.read_up_to THEN 'read'
          WHEN m.dispatched_at <= c.delivered_up_to THEN 'delivered' ELSE 'sent' END,
        error = CASE WHEN m.status IN ('queued', 'unknown') THEN NULL ELSE m.error END,
        external_id = coalesce(m.external_id, CASE WHEN NOT EXISTS (SELECT FROM app.message o WHERE o.tenant_id = m.tenant_id
          AND o.channel_id = m.channel_id AND o.external_id = ${externalId} AND o.id <> m.id) THEN ${externalId} END),
        version = m.version + 1, updated_at = now()
    FROM c WHERE m.tenant_id = ${tenantId}::uuid AND m.id = ${id}::uuid AND (m.status IN ('queued', 'unknown') OR m.external_id IS NULL) RETURNING m.version`)
  touchMessage(tx, { id, contactId }, row ? ['status', 'externalId'] : [], row?.version)
  if (message.content.type === 'reaction') await reacted(tx, channelId, message.replyTo, message.content.reaction)
  if (await channelSent(tx, channelId)) tx.touch({ resource: 'channels', ids: [channelId], changed: ['lastSentAt'] })
}

/** A reaction of ours stands with the message that it was to, in the place of the one before it. */
async function reacted(tx: Tx, channelId: string, target: string | undefined, { emoji }: Reaction): Promise<void> {
  const [known] = target === undefined ? [] : await messageListByExternalId(tx, channelId, [target])
  if (!known || known.deletedMs !== null) return
  const others = known.reactions.filter((one) => one.by !== 'member')
  const own = emoji === null ? [] : [{ by: 'member' as const, emoji, at: new Date().toISOString() }]
  if (known.wrappedKey) tx.contactKeys.set(known.contactId, known.wrappedKey)
  const [changed] = await messageUpdateAll(tx, [{ id: known.id, reactions: [...others, ...own] }])
  if (!changed?.before || !changed.after) return
  const { before, after, version } = changed
  const subjectOf = (): string => known.contactId
  for (const touched of touches(
    'messages',
    [{ id: known.id, version }],
    ['reactions'],
    subjectOf,
    recordChanges(messages, [{ id: known.id, before, after }], subjectOf),
  ))
    tx.touch(touched)
}

/** Only while this dispatch is still the last word about the message. What the provider said may repeat a value, so it is not kept. */
async function notSent(
  tx: Tx,
  { id, contactId, channelId, dispatchedAt }: Dispatch,
  result: Exclude<SendResult, { outcome: 'sent' | 'retry' }>,
): Promise<void> {
  const { tenantId } = tx.principal
  const isKnown = result.outcome === 'failed'
  const error: Failure = isKnown
    ? { code: result.code, class: result.class }
    : { code: result.reason, class: 'unknown' }
  const from = isKnown ? sql`('queued', 'unknown')` : sql`('queued')`
  const [row] = await tx.query<{ version: number }>(sql`UPDATE app.message
    SET status = ${result.outcome}, error = ${json(error)}, version = version + 1, updated_at = now()
    WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid AND status IN ${from} AND dispatched_at = ${dispatchedAt}::timestamptz RETURNING version`)
  touchMessage(tx, { id, contactId }, row ? ['status', 'error'] : [], row?.version)
  if (!isKnown) return
  if (row) await oweAgain(tx, id)
  if (result.class !== 'reauthorise') return
  await channelTrouble(tx, channelId, { code: result.class, at: new Date().toISOString() })
  tx.touch({ resource: 'channels', ids: [channelId], changed: ['lastError', 'lastErrorAt'] })
}

/** A handle on the customer's last event that was not used after all serves the next attempt, unless a newer one came. */
async function giveBackHandle(tx: Tx, conversationId: string, { handle }: Dispatch): Promise<void> {
  if (handle === null) return
  await tx.query(sql`UPDATE app.conversation SET sealed_reply_handle = ${handle.sealed}, reply_handle_until = ${handle.until}::timestamptz
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${conversationId}::uuid AND sealed_reply_handle IS NULL`)
}

/** Back into the queue, with a job of its own for the moment when it is to be tried again. */
async function putBack(
  tx: Tx,
  { tenantId, region, conversationId }: Outbox,
  { id, contactId, dispatchedAt, attempts }: Dispatch,
  askedMs: number | null,
): Promise<void> {
  const afterMs = Math.round(retryMs(attempts, askedMs, Math.random()))
  const [row] = await tx.query<{ retry_ms: number }>(sql`UPDATE app.message
    SET dispatched_at = NULL, retry_at = clock_timestamp() + make_interval(secs => ${afterMs / 1000}::float8)
    WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid AND status = 'queued' AND dispatched_at = ${dispatchedAt}::timestamptz
    RETURNING (extract(epoch FROM retry_at) * 1000)::float8 AS retry_ms`)
  touchMessage(tx, { id, contactId }, [])
  if (!row) return
  const at = new Date(Math.ceil(row.retry_ms))
  await tx.enqueue(
    'send',
    `send/${tenantId}/${conversationId}/${at.toISOString()}`,
    { tenantId, region, conversationId },
    at,
  )
}

/**
 * How long a message waits after its n-th attempt: what the provider asks for at least, else twice as long each time.
 * @param random 0 to 1, so that those who failed together do not come back together
 */
export function retryMs(attempts: number, askedMs: number | null, random: number): number {
  if (askedMs !== null) return Math.min(askedMs, askedMsMax) + random * Math.min(1_000, askedMs * 0.2)
  return Math.min(firstRetryMs * 2 ** (attempts - 1), retryMsMax) * (0.5 + random / 2)
}

function touchMessage(
  tx: Tx,
  { id, contactId }: { id: string; contactId: string },
  changed: readonly string[],
  version?: number,
): void {
  tx.touch({
    resource: 'messages',
    ids: [id],
    changed,
    ...(version === undefined ? {} : { version }),
    subjectIds: [contactId],
  })
}
