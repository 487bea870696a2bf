import { createHash, randomUUIDv7 } from 'node:crypto'
import type { RawEvent } from '../../channels/channel.ts'
import { scopeAccount } from '../channels/queries.ts'
import { frameOf, type KeptEventFile } from '../inbound-events/frame.ts'
import { payloadContext } from '../inbound-events/payload.ts'
import type { KnownChannel, Sibling } from './known-channels.ts'

/** A raw event as a row of app.inbound_event; bytes as text, since rows travel as JSON. */
export interface RawRow {
  id: string
  unit: string | null
  channel: string | null
  type: string
  account: string
  /** hexadecimal */
  dedupe: string
  /** hexadecimal */
  lane: string
  kind: string
  status: 'stored' | 'unrouted'
  occurred: string | null
  /** base64 */
  payload: string
  /** the file in the store that its bytes are in */
  storedAs?: string
}

/**
 * The rows of a post, in its own order. Each payload is sealed under the tenant's key until its contact is known.
 * @param files of the events with long bytes, by their place in the post; their ids are those that the files were written for
 */
export function rawRows(
  channel: KnownChannel,
  events: readonly RawEvent[],
  files?: ReadonlyMap<number, { id: string; file: KeptEventFile }>,
): RawRow[] {
  const { keys, appHash } = channel
  // What another app posts as well is no repetition: there it may have nowhere to go, and here it has.
  const app = appHash?.toString('hex') ?? ''
  return events.map((event, i) => {
    const kept = files?.get(i)
    const id = kept?.id ?? randomUUIDv7()
    const account = accountOf(channel, event)
    const type = typeOf(channel, event)
    const target = targetOf(channel, type, event)
    const lane = event.lane === null ? 'account' : `lane/${event.lane}`
    return {
      id,
      unit: target?.businessUnitId ?? null,
      channel: target?.id ?? null,
      type,
      account,
      dedupe: keys.hash('inbound-dedupe', `${app}\0${event.dedupeKey}`).toString('hex'),
      lane: keys.hash('inbound-lane', `${type}\0${account}\0${lane}`).toString('hex'),
      kind: event.kind,
      status: target ? 'stored' : 'unrouted',
      occurred: event.occurredAt?.toISOString() ?? null,
      payload: keys.seal(frameOf(event.payload, kept?.file ?? event.blob), payloadContext(id)).toString('base64'),
      ...(kept ? { storedAs: kept.file.storedAs } : {}),
    }
  })
}

const namesNobody = ({ account, scope }: RawEvent): boolean => account === null && (scope ?? null) === null

/** What names no account can only be for the channel that it was posted to, whatever product it speaks of. */
const typeOf = ({ type }: KnownChannel, event: RawEvent): string =>
  namesNobody(event) ? type.type : (event.type ?? type.type)

/** Where an event goes: to the channel of the account that it names, of its type, behind the same provider app. */
function targetOf({ siblings }: KnownChannel, type: string, event: RawEvent): Sibling | undefined {
  const [own] = siblings
  if (namesNobody(event)) return own
  const alike = siblings.filter((one) => one.type === type)
  if (event.account !== null) return alike.find((one) => one.account === event.account)
  // Where the larger account was left out of the settings, an event about it can only be for the address it came to.
  const isOwn = own?.type === type && own.scope === null
  return alike.find((one) => one.scope === event.scope) ?? (isOwn ? own : undefined)
}

/** The account under which an event is unique. Where it names none, the larger account or the channel stands for it. */
function accountOf(channel: KnownChannel, event: RawEvent): string {
  const account = event.account ?? (event.scope ? scopeAccount(event.scope) : `channel:${channel.id}`)
  // It is part of an index, whose entries are limited.
  return account.length <= 200 ? account : `long:${createHash('sha256').update(account).digest('hex')}`
}
