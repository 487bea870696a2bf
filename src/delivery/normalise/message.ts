import { compact } from '../../channels/json.ts'
import { customerOf, type MediaRef, type MessageEvent } from '../../channels/neutral.ts'
import { newId } from '../../db/new-id.ts'
import { veiledOf } from '../../privacy/detection.ts'
import { sourceContext } from '../../resources/attachments/pending.ts'
import { cleanFileName } from '../../resources/attachments/upload.ts'
import { indexable } from '../../resources/identities/address.ts'
import { groupHash } from '../../resources/inbound-events/lane.ts'
import { addresseeOf } from './addressee.ts'
import { conversationFor, groupConversation, groupKey, type Utterance, utter } from './conversation.ts'
import { addressesOf } from './party-addresses.ts'
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
  const group = groupKey(event.thread)
  if (group !== undefined && !party?.identities.length) return applyUnnamed(records, event, group, cause)
  if (!party) return { status: 'ignored', reason: 'no_customer' }
  const isInbound = event.direction === 'inbound'
  const addressee = addresseeOf(records, event, party, conversationNamed(records, event), cause)
  if ('status' in addressee) return addressee
  const { person, thread } = addressee
  const addresses = addressesOf(party, records.channel.id)
  const conversation = thread ?? conversationFor(records, person, addresses, event.thread, event.historical)
  // It may be the echo of what we are sending, whose id is not known yet: it would be there twice.
  if (conversation.isSending && !isInbound && !event.historical && !cause.isLastTry) return { status: 'waiting' }
  const { contact, identity } = person
  const speaker = { ...contact, contactId: contact.id, identityId: identity.id, isNamed: true }
  const message = makeMessage(records, event, cause, speaker, conversation.id)
  wishesOf(records, event, cause, { contactId: contact.id, identityId: identity.id, messageId: message.id })
  besideMessage(records, event, conversation, contact.country)
  // What answers by itself, or reports, is no sign that anybody is there.
  if (isLive(event) && event.automated === undefined && bounces.has(identity.kind))
    records.aside.heard.push({ identityId: identity.id, atMs: cause.atMs })
  utter(conversation, utteranceOf(event, message.id, cause))
  return { status: 'processed', ...placeOf(message) }
}

/**
 * What belongs to a group and to no contact: what a member has said whom the provider does not name, what happened to the
 * group as a whole, what the house has said there from elsewhere. It stands in the group's conversation, under nobody's
 * name. Where there is none yet, nobody whom we know has spoken there: it is put aside, raw as it came, and taken up again
 * as soon as somebody has.
 */
function applyUnnamed(records: Records, event: MessageEvent, threadKey: string, cause: Cause): Outcome {
  const conversation = groupConversation(records, event.thread)
  if (!conversation) {
    const { keys, channel } = records
    return { status: 'ignored', reason: 'unknown_group', awaitsGroup: groupHash(keys, channel.id, threadKey) }
  }
  const isInbound = event.direction === 'inbound'
  if (conversation.isSending && !isInbound && !event.historical && !cause.isLastTry) return { status: 'waiting' }
  const { id: conversationId, contactId } = conversation
  const nobody = { contactId, identityId: null, country: null, wrappedKey: null, isNamed: false }
  const message = makeMessage(records, event, cause, nobody, conversationId)
  besideMessage(records, event, conversation, null)
  utter(conversation, utteranceOf(event, message.id, cause))
  // Without a contact: what the provider sent is not kept under the key of somebody who has not said it.
  return { status: 'processed', conversationId, messageId: message.id }
}

const isLive = ({ direction, historical }: MessageEvent): boolean => direction === 'inbound' && !historical

const isSaid = ({ message: { type } }: MessageEvent): boolean => type !== 'system' && type !== 'call'

const utteranceOf = (event: MessageEvent, messageId: string, { atMs }: Cause): Utterance => ({
  messageId,
  atMs,
  isInbound: event.direction === 'inbound',
  isHistorical: event.historical,
  isSaid: isSaid(event),
  isAutomated: event.automated !== undefined,
  isElsewhere: event.message.content.standby === true,
})

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

/** What a message tells of its conversation beside what it says. */
function besideMessage(
  { aside }: Records,
  event: MessageEvent,
  { id: conversationId, contactId }: ConversationRecord,
  country: string | null,
): void {
  const { subject, replyHandle } = event
  const line = subject === undefined ? '' : cleanSubject(subject)
  if (line !== '') aside.subjects.push({ conversationId, subject: line, country })
  // Kept under the key of the conversation's contact, whoever has written: by that one it is opened.
  if (isLive(event) && replyHandle)
    aside.handles.push({
      ...{ conversationId, contactId, token: replyHandle.token },
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

/** Whom a message is kept for, and whether it is known that they said it. */
interface Speaker {
  contactId: string
  identityId: string | null
  country: string | null
  wrappedKey: Buffer | null
  isNamed: boolean
}

function makeMessage(
  records: Records,
  event: MessageEvent,
  cause: Cause,
  { contactId, identityId, country, wrappedKey, isNamed }: Speaker,
  conversationId: string,
): MessageRecord {
  const id = newId()
  const isInbound = event.direction === 'inbound'
  const attachmentIds = addMedia(records, event.media, { id, contactId, country, conversationId })
  const { text } = event.message
  const { referral, forwarded, automated, subject } = event
  const content = { ...event.message.content, ...compact({ referral, forwarded, automated, subject }) }
  const common = {
    id,
    conversationId,
    contactId,
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
    wrappedKey,
    made: {
      ...common,
      identityId,
      type: event.message.type,
      content,
      text,
      veiled: veiledOf({ text, content }, country),
      error: null,
      // What happens to a group by itself, the provider tells.
      authorKind: isInbound && (isNamed || isSaid(event)) ? 'contact' : 'provider',
      authorId: isInbound && isNamed ? contactId : null,
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
