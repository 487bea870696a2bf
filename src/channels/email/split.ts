import { createHash } from 'node:crypto'
import type { Post, RawEvent, Split } from '../channel.ts'
import { canonicalHash, type JsonObject, type JsonValue, parseJson, wellFormed } from '../json.ts'
import { timeOf } from '../time.ts'
import { emailAddress, firstAddress } from './address.ts'
import { KINDS, type MailFile, type MailPayload, payloadOf } from './event.ts'
import { fieldOf, headerFields, messageIds } from './header-block.ts'
import type { NOTIFICATIONS } from './notification.ts'
import type { EmailSettings } from './settings.ts'
import { splitMailgun } from './split-mailgun.ts'
import { splitPostmark } from './split-postmark.ts'
import { splitSendgrid } from './split-sendgrid.ts'
import { splitSes } from './split-ses.ts'

/** The events of a post, by the service that posted it. Total over any bytes; nothing is parsed yet that must not fail. */
export function splitEmail(post: Post, settings: EmailSettings): Split {
  switch (settings.inbound?.kind) {
    case 'postmark':
      return splitPostmark(post, settings)
    case 'mailgun':
      return splitMailgun(post, settings)
    case 'sendgrid':
      return splitSendgrid(post, settings)
    case 'ses':
      return splitSes(post, settings)
    default:
      return splitRaw(post, settings)
  }
}

function splitRaw({ rawBody, headers }: Post, settings: EmailSettings): Split {
  if (rawBody.length === 0) return { malformed: 'empty' }
  const { inbound } = settings
  const authservId = inbound?.kind === 'raw' ? (inbound.authservId ?? null) : null
  const recipient = emailAddress(headers['x-original-to'] ?? headers['x-envelope-to'])
  return single(
    mimeEvent(rawBody, { ...about(settings), authservId, recipients: recipient === undefined ? [] : [recipient] }),
  )
}

export const single = (event: RawEvent): Split => ({ events: [event], rejected: [] })

export type About = Pick<MailPayload, 'provider' | 'mailbox'> & Partial<MailPayload>

export function about(settings: EmailSettings): About {
  return { provider: settings.inbound?.kind ?? 'raw', mailbox: settings.address ?? '' }
}

const EXTERNAL_ID_LENGTH_MAX = 900

/** A mail in MIME. */
export function mimeEvent(mail: Buffer, given: About, dedupeKey?: string): RawEvent {
  const fields = headerFields(mail)
  const [messageId] = messageIds(fieldOf(fields, 'message-id'))
  const from = firstAddress(fieldOf(fields, 'from') ?? fieldOf(fields, 'sender'))
  const externalId = messageId ?? `${createHash('sha256').update(mail).digest('hex')}@hash.invalid`
  return mailEvent(KINDS.mime, mail, { ...given, externalId }, from, dedupeKey)
}

/** A mail whose provider took it apart; `blob` is what its files stand in. */
export function fieldsEvent(
  blob: Buffer,
  given: About & { form: JsonObject; files: MailFile[] },
  { messageId, from }: { messageId: string | undefined; from: string | undefined },
  dedupeKey?: string,
): RawEvent {
  const [known] = messageIds(messageId)
  const externalId = known ?? messageId ?? `${canonicalHash(given.form)}@hash.invalid`
  return mailEvent(KINDS.fields, blob, { ...given, externalId }, from, dedupeKey)
}

function mailEvent(
  kind: string,
  blob: Buffer,
  given: About & { externalId: string },
  from: string | undefined,
  dedupeKey: string | undefined,
): RawEvent {
  const defaults = { recipients: [], sender: null, authservId: null, checks: {}, form: {}, files: [] }
  const externalId = storable(given.externalId)
  const payload: MailPayload = { ...defaults, ...given, externalId }
  return {
    account: null,
    dedupeKey: dedupeKey ?? `mail/${externalId}`,
    // Whoever writes, in order; threads of one person are few.
    lane: from ?? payload.sender ?? `mail/${externalId}`,
    kind,
    occurredAt: null,
    payload: payloadOf(payload),
    blob,
  }
}

function storable(id: string): string {
  const clean = wellFormed(id).replaceAll(/\p{Cc}/gu, '')
  return clean.length <= EXTERNAL_ID_LENGTH_MAX
    ? clean
    : `${createHash('sha256').update(clean).digest('hex')}@hash.invalid`
}

/** What a provider tells of mail that was sent. */
export function notificationEvent(
  kind: (typeof NOTIFICATIONS)[keyof typeof NOTIFICATIONS],
  event: JsonValue,
  settings: EmailSettings,
  { id, address, at }: { id?: string | undefined; address?: JsonValue | undefined; at?: JsonValue | undefined },
): RawEvent {
  const lane = emailAddress(address)
  return {
    account: null,
    dedupeKey: `${kind}/${id ?? canonicalHash(event)}`,
    lane: lane ?? null,
    kind,
    occurredAt: timeOf(at),
    payload: { mailbox: settings.address ?? '', event },
  }
}

/** JSON of a post, or undefined. */
export const jsonOf = ({ rawBody }: Post): JsonValue | undefined => parseJson(rawBody)

export const isList = (value: JsonValue | undefined): value is JsonValue[] => Array.isArray(value)
