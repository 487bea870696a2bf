import { compact } from '../../channels/json.ts'
import { customerOf, type MediaRef, type MessageEvent } from '../../channels/neutral.ts'
import { newId } from '../../db/new-id.ts'
import { veiledOf } from '../../privacy/detection.ts'
import { sourceContext } from '../../resources/attachments/pending.ts'
import { cleanFileName } from '../../resources/attachments/upload.ts'
import { indexable } from '../../resources/identities/address.ts'
import { conversationFor, utter } from './conversation.ts'
import { addressesOf, type Person, personOf } from './people.ts'
import { type Cause, iso, type MessageRecord, type Outcome, type Records } from './records.ts'

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
  const person = personOf(records, party, cause, isInbound && !event.historical)
  if ('status' in person) return person
  const addresses = addressesOf(party, records.channel.id)
  const conversation = conversationFor(records, person, addresses, event.thread, event.historical)
  // It may be the echo of what we are sending, whose id is not known yet: it would be there twice.
  if (conversation.isSending && !isInbound && !event.historical && !cause.isLastTry) return { status: 'waiting' }
  const message = makeMessage(records, event, cause, person, conversation.id)
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
  const { referral, forwarded, automated } = event
  const content = { ...event.message.content, ...compact({ referral, forwarded, automated }) }
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
