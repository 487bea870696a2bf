import type { KeptBlob, ParseContext, Parsed } from '../../channels/channel.ts'
import { channelType } from '../../channels/index.ts'
import { cleanJson } from '../../channels/json.ts'
import type { NeutralEvent } from '../../channels/neutral.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import { keptBlob } from '../../resources/inbound-events/blobs.ts'
import { unframed } from '../../resources/inbound-events/frame.ts'
import type { StoredEvent } from '../../resources/inbound-events/lane.ts'
import { payloadContext } from '../../resources/inbound-events/payload.ts'

/** A stored event as its channel understands it. */
export interface Reading {
  event: StoredEvent
  /** as it was stored; null where it cannot be opened (any more) */
  payload: Buffer | null
  parsed: Parsed
}

/**
 * One after the other: what is large is in memory once at a time.
 * @param context of the events' channel, for types that ask for it
 */
export async function readEvents(
  events: readonly StoredEvent[],
  keys: TenantKeys,
  store: FileStore,
  context?: ParseContext,
): Promise<Reading[]> {
  const readings: Reading[] = []
  for (const event of events) readings.push(await readEvent(event, keys, store, context))
  return readings
}

async function readEvent(
  event: StoredEvent,
  keys: TenantKeys,
  store: FileStore,
  context: ParseContext | undefined,
): Promise<Reading> {
  const payload = opened(event, keys)
  if (payload === null) return { event, payload, parsed: failed('payload_unreadable') }
  const frame = unframed(payload)
  const kept = keptBlob(store, keys.tenantId, event.id, frame)
  return { event, payload, parsed: await understood(event, frame.payload, kept, context) }
}

function opened({ id, sealedPayload, contactId, wrappedKey }: StoredEvent, keys: TenantKeys): Buffer | null {
  if (sealedPayload === null) return null
  try {
    if (contactId === null) return keys.open(sealedPayload, payloadContext(id))
    // Without its key (the person was erased) it stays what it is: noise.
    return wrappedKey === null ? null : keys.contact(contactId, wrappedKey).open(sealedPayload, payloadContext(id))
  } catch {
    return null
  }
}

async function understood(
  { type, kind, channelId }: StoredEvent,
  payload: Buffer,
  kept: KeptBlob | undefined,
  context: ParseContext | undefined,
): Promise<Parsed> {
  const channel = channelType(type)
  if (!channel) return failed('channel_type_unknown')
  if (channelId === null) return failed('channel_missing')
  if (channel.parseNeedsSettings && !context) return failed('channel_settings')
  try {
    const json = cleanJson(JSON.parse(payload.toString('utf8')))
    if (json === undefined) return failed('nested_too_deeply')
    return await channel.parse({ kind, payload: json, ...(kept === undefined ? {} : { kept }) }, context)
  } catch (error) {
    // What is no JSON stays none; a fault of the channel's own code is for the log.
    if (error instanceof SyntaxError) return failed('payload_unreadable')
    throw error
  }
}

const failed = (reason: string): Parsed => ({ outcome: 'failed', reason })

const aheadMsMax = 5 * 60_000

/** When something happened: as the provider says, unless its clock is out of all reason; else when it arrived. */
export function momentOf(event: NeutralEvent, receivedMs: number): number {
  const at = event.occurredAt?.getTime() ?? receivedMs
  return at >= 0 && at <= receivedMs + aheadMsMax ? at : receivedMs
}
