import { compact } from '../../channels/json.ts'
import { customerOf, type MediaRef, type MessageEvent } from '../../channels/neutral.ts'
import { newId } from '../../db/new-id.ts'
import { veiledOf } from '../../privacy/detection.ts'
import { sourceContext } from '../../resources/attachments/pending.ts'
import { cleanFileName } from '../../resources/attachments/upload.ts'
import { indexable } from '../../resources/identities/address.ts'
import { addresseeOf } from './addressee.ts'
import { conversationFor, utter } from './conversation.ts'
import { addressesOf } from './party-addresses.ts'
import type { Person } from './people.ts'
import { type Cause, type ConversationRecord, iso, type MessageRecord, type Outcome, type Records } from './records.ts'
import { wishesOf } from './wishes.ts'

/** The message that the provider knows by this id. */
export const messageOf = (records: Records, externalId: string): MessageRecord | undefined => {
  const id = indexable(externalId)
  return records.messages.find((one) => one.externalId === id)
}

export const placeOf = ({ id, contactId, conversationId }: MessageRecord) => ({
  contactId,
  conversationId,
  messageId: id,
})

/** A message that came in, or that was sent elsewhere than here; now or long ago. Known ones change nothing. */
export function applyMessage(records: Records, event: MessageEvent, cause: Cause): Outcome {
  const known = messageOf(records, event.externalId)
  if (known) return { status: known.inboundEventId === cause.eventId ? 'processed' : 'duplicate', ...placeOf(known) }
  const party = customerOf(event)
  if (!party) return { status: 'ignored', reason: 'no_customer' }
  const isInbound = event.direction === 'inbound'
  const addressee = addresseeOf(records, event, party, conversationNamed(records, event), cause)
  if ('status' in addressee) return addressee
  const { person, thread } = addressee
  const addresses = addressesOf(party, records.channel.id)
  const conversation = thread ?? conversationFor(records, person, addresses, event.thread, event.historical)
  // It may be the echo of what we are sending, whose id is not known yet: it would be there twice.
  if (conversation.isSending && !isInbound && !event.historical && !cause.isLastTry) return { status: 'waiting' }
  const message = makeMessage(records, event, cause, person, conversation.id)
  wishesOf(records, event, cause, person.contact.id)
  besideMessage(records, event, cause, person, conversation.id)
  utter(conversation, {
    messageId: message.id,
    atMs: cause.atMs,
    isInbound,
    isHistorical: event.historical,
    isSaid: event.message.type !== 'system' && event.message.type !== 'call',
    isAutomated: event.automated !== undefined,
  })
  return { status: 'processed', ...placeOf(message) }
}

/**
 * The ids by which a message names its thread, nearest first. What it answers alone is not enough: in a group, people
 * answer each other.
 */
export const threadNames = ({ references, replyTo }: MessageEvent): string[] =>
  references === undefined ? [] : [...(replyTo === undefined ? [] : [replyTo]), ...references]

/** The conversation of the first known message of the thread, whoever wrote that one. */
function conversationNamed(records: Records, event: MessageEvent): ConversationRecord | undefined {
  for (const name of threadNames(event)) {
    const known = messageOf(records, name)
    const conversation = known && records.conversations.find((one) => one.id === known.conversationId)
    if (conversation) return conversation
  }
  return undefined
}

/** What a message tells beside itself. */
function besideMessage(
  { aside }: Records,
  event: MessageEvent,
  { atMs }: Cause,
  { contact, identity }: Person,
  conversationId: string,
): void {
  const { subject, replyHandle } = event
  const line = subject === undefined ? '' : cleanSubject(subject)
  if (line !== '') aside.subjects.push({ conversationId, subject: line, country: contact.country })
  if (event.direction !== 'inbound' || event.historical) return
  // What answers by itself, or reports, is no sign that anybody is there.
  if (event.automated === undefined && bounces.has(identity.kind)) aside.heard.push({ identityId: identity.id, atMs })
  if (replyHandle)
    aside.handles.push({
      ...{ conversationId, contactId: contact.id, token: replyHandle.token },
      untilMs: replyHandle.expiresAt.getTime(),
    })
}

/** Kinds of addresses that bounce. */
const bounces: ReadonlySet<string> = new Set(['email'])

const subjectLength = 300

const cleanSubject = (subject: string): string =>
  subject
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, subjectLength)
    .toWellFormed()
    .replace(/\uFFFD$/, '')

function makeMessage(
  records: Records,
  event: MessageEvent,
  cause: Cause,
  { contact, identity }: Person,
  conversationId: string,
): MessageRecord {
  const id = newId()
  const isInbound = event.direction === 'inbound'
  const { country } = contact
  const attachmentIds = addMedia(records, event.media, { id, contactId: contact.id, country, conversationId })
  const { text } = event.message
  const { referral, forwarded, automated, subject } = event
  const content = { ...event.message.content, ...compact({ referral, forwarded, automated, subject }) }
  const common = {
    id,
    conversationId,
    contactId: contact.id,
    externalId: indexable(event.externalId),
    direction: event.direction,
    status: isInbound ? 'received' : 'sent',
    reactions: [],
    attachmentIds,
    inboundEventId: cause.eventId,
  }
  const message: MessageRecord = {
    ...common,
    country,
    editedMs: null,
    deletedMs: null,
    wrappedKey: contact.wrappedKey,
    made: {
      ...common,
      identityId: identity.id,
      type: event.message.type,
      content,
      text,
      veiled: veiledOf({ text, content }, country),
      error: null,
      authorKind: isInbound ? 'contact' : 'provider',
      authorId: isInbound ? contact.id : null,
      replyToId: event.replyTo === undefined ? null : (messageOf(records, event.replyTo)?.id ?? null),
      replyToExternalId: event.replyTo === undefined ? null : indexable(event.replyTo),
      historical: event.historical,
      occurredAt: iso(cause.atMs),
      editedAt: null,
      deletedAt: null,
    },
    change: null,
  }
  records.messages.push(message)
  return message
}

const mediaTypeLength = 200

/** Puts a message's files on the list of what is to be fetched. */
export function addMedia(
  records: Records,
  media: readonly MediaRef[],
  message: { id: string; contactId: string; country: string | null; conversationId: string },
): string[] {
  return media.map((ref) => {
    const id = newId()
    const fileName = cleanFileName(ref.filename ?? null)
    records.attachments.push({
      id,
      contactId: message.contactId,
      conversationId: message.conversationId,
      messageId: message.id,
      fileName,
      veiled: veiledOf({ fileName }, message.country),
      mediaType: ref.mediaType?.slice(0, mediaTypeLength) ?? null,
      sealedSource: records.keys.seal(JSON.stringify(ref), sourceContext(id)).toString('base64'),
    })
    return id
  })
}
