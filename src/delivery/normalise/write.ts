import { type Touched, touches, type Versioned } from '../../db/audit-event.ts'
import { joined, recordChange, recordChanges } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { consentRecordAll } from '../../privacy/consent-events.ts'
import { attachmentPendAll } from '../../resources/attachments/pending.ts'
import { channelSeen, channelTrouble } from '../../resources/channels/health.ts'
import { consentEvents, consentFieldNames } from '../../resources/consent-events/schema.ts'
import { contactGainAll, contactInsertAll, toldFieldNames } from '../../resources/contacts/queries.ts'
import { contacts as contactResource } from '../../resources/contacts/schema.ts'
import { answersFailed } from '../../resources/conversations/owed.ts'
import {
  type ConversationState,
  conversationInsertAll,
  conversationUpdateAll,
} from '../../resources/conversations/queries.ts'
import { readersBehind } from '../../resources/conversations/read-marker.ts'
import { conversations as conversationResource } from '../../resources/conversations/schema.ts'
import { conversationTakeBack } from '../../resources/conversations/taken-back.ts'
import { keepIncoming } from '../../resources/custom-fields/intake.ts'
import { addressOf, identifierHash } from '../../resources/identities/address.ts'
import { identityInsertAll, identitySeenAll, identityUpdateAll } from '../../resources/identities/queries.ts'
import { identities as identityResource } from '../../resources/identities/schema.ts'
import { mergeHintAll } from '../../resources/merges/hints.ts'
import { messageInsertAll, messageLinkReplies, messageUpdateAll } from '../../resources/messages/queries.ts'
import { messages as messageResource } from '../../resources/messages/schema.ts'
import { type ProvedAddresses, subjectLinkAll } from '../../resources/subjects/link.ts'
import { writeAside, writeThreads } from './aside.ts'
import { type ConversationRecord, iso, type Records } from './records.ts'
import { together } from './together.ts'

/**
 * Writes what has come of a batch: whatever there is of each kind in one statement, sent one behind the other without
 * waiting, each behind those that it refers to. All is sent when this returns its promise.
 * @returns what was touched, for the audit
 */
export async function writeRecords(tx: Tx, records: Records, isChannelQuiet: boolean): Promise<Touched[]> {
  const { channel, attachments, consents, trouble } = records
  // What changes is sealed under these keys: most were read with what it is about.
  for (const { id, wrappedKey } of records.contacts.values()) tx.contactKeys.set(id, wrappedKey)
  for (const { contactId, wrappedKey } of records.messages) if (wrappedKey) tx.contactKeys.set(contactId, wrappedKey)
  const [
    contacts,
    identities,
    threads,
    conversations,
    messages,
    takenBack,
    owed,
    hinted,
    ,
    agreed,
    beside,
    isSeen,
    isTroubled,
  ] = await together([
    writeContacts(tx, records),
    writeIdentities(tx, records),
    records.aside.threads.length > 0 ? writeThreads(tx, records) : [],
    writeConversations(tx, records),
    writeMessages(tx, records),
    writeTakenBack(tx, records),
    writeFailed(tx, records),
    records.conflicts.length > 0 ? mergeHintAll(tx, channel.businessUnitId, records.conflicts) : [],
    attachments.length > 0 ? attachmentPendAll(tx, channel, attachments) : undefined,
    consents.length > 0 ? consentRecordAll(tx, channel, consents) : [],
    writeAside(tx, records),
    isChannelQuiet ? channelSeen(tx, channel.id) : false,
    trouble ? channelTrouble(tx, channel.id, trouble) : false,
  ])
  const files = new Map(attachments.map((one) => [one.id, one.contactId]))
  const health = [...(isSeen ? ['lastEventAt'] : []), ...(isTroubled ? ['lastError', 'lastErrorAt'] : [])]
  return [
    ...[
      ...contacts,
      ...identities,
      ...conversations,
      ...messages,
      ...takenBack,
      ...owed,
      ...hinted,
      ...threads,
      ...beside,
    ],
    ...touches('attachments', attachments.map(firstVersion), wholeFile, (id) => files.get(id)),
    ...consentTouches(records, agreed),
    ...(health.length > 0 ? [{ resource: 'channels', ids: [channel.id], changed: health }] : []),
  ]
}

async function writeContacts(tx: Tx, records: Records): Promise<Touched[]> {
  const all = [...records.contacts.values()]
  const made = all.filter((one) => one.isNew)
  const gaining = all.flatMap(({ id, isNew, gain }) => (gain && !isNew ? { id, ...gain } : []))
  const { businessUnitId, teamId, type } = records.channel
  const [, gained] = await together([
    made.length > 0
      ? contactInsertAll(
          tx,
          businessUnitId,
          made.map(({ id, displayName, email, phone, country, told, wrappedKey }) => ({
            ...told,
            ...{ id, displayName: displayName ?? '', email, phone, country },
            ...{ teamId, source: type, wrappedKey: wrappedKey?.toString('base64') ?? '' },
          })),
        )
      : undefined,
    gaining.length > 0 ? contactGainAll(tx, gaining) : [],
  ])
  const values = all.map(({ id, isNew, gain, customFields }) => ({
    contactId: id,
    customFields: isNew ? customFields : (gain?.customFields ?? {}),
  }))
  const incoming = await keepIncoming(tx, businessUnitId, values)
  const told = toldFieldNames.filter((name) => made.some((one) => Object.hasOwn(one.told, name)))
  const changed = ['displayName', 'email', 'phone', 'country', ...told, 'customFields', 'source', 'teamId']
  const own = (id: string): string => id
  const first = made.flatMap(({ id, displayName, email, phone, country, told: own }) => {
    const after = { displayName, email, phone, country, ...own, source: type, teamId, businessUnitId }
    return recordChange(contactResource, { id, subjectId: id, before: null, after }) ?? []
  })
  const fields = [
    ...new Set(
      gaining.flatMap(({ id: _id, replacedPhone: _old, restores, ...gain }) => [
        ...Object.keys(gain),
        ...(restores ? ['state'] : []),
      ]),
    ),
  ]
  return [
    ...touches('contacts', made.map(firstVersion), changed, own, joined(first, incoming.values)),
    ...touches('contacts', gained, fields, own, joined(recordChanges(contactResource, gained, own), incoming.values)),
    ...incoming.discovered,
  ]
}

async function writeIdentities(tx: Tx, records: Records): Promise<Touched[]> {
  const { identities, channel } = records
  const made = identities.flatMap((one) => one.made ?? [])
  const changes = identities.flatMap(({ id, change }) => (change ? { id, ...change } : []))
  const seen = identities.flatMap(({ id, isSeen, lastSeenMs }) =>
    isSeen && lastSeenMs !== null ? { id, lastSeenAt: iso(lastSeenMs) } : [],
  )
  // Given up ones before new ones: an address has one holder.
  const [changed] = await together([
    changes.length > 0 ? identityUpdateAll(tx, changes) : [],
    made.length > 0 ? identityInsertAll(tx, channel.businessUnitId, made) : undefined,
    seen.length > 0 ? identitySeenAll(tx, seen) : undefined,
    subjectLinkAll(tx, provedAddresses(records)),
  ])
  const contacts = new Map(identities.map((one) => [one.id, one.contactId]))
  const subjectOf = (id: string): string | undefined => contacts.get(id)
  const whole = ['kind', 'value', 'verified', 'contactId']
  const fields = [...new Set(changes.flatMap(({ id: _id, ...change }) => Object.keys(change)))]
  return [
    ...touches('identities', made.map(firstVersion), whole, subjectOf, [
      ...made.flatMap(({ id, contactId, kind, value, displayName, verified, isPrimary, source, channelId }) => {
        const after = { kind, value, displayName, verified, isPrimary, source, channelId }
        return recordChange(identityResource, { id, subjectId: contactId, before: null, after }) ?? []
      }),
    ]),
    ...touches('identities', changed, fields, subjectOf, recordChanges(identityResource, changed, subjectOf)),
  ]
}

/** The addresses that were proved just now, by contact: they say which human it is. */
function provedAddresses({ identities, keys }: Records): ProvedAddresses[] {
  const proved = identities.filter(
    ({ made, change, verified, identifying }) =>
      verified && identifying && (made !== null || change?.verified === true),
  )
  return [...Map.groupBy(proved, (one) => one.contactId)].map(([contactId, own]) => ({
    contactId,
    hashes: own.map(({ kind, channelId, matchValue }) =>
      identifierHash(keys, addressOf(kind, matchValue, channelId ?? '')),
    ),
  }))
}

async function writeConversations(tx: Tx, { conversations, channel }: Records): Promise<Touched[]> {
  const made = conversations.filter((one) => one.isNew)
  const changed = conversations.filter((one) => one.isChanged && !one.isNew)
  const heard = changed.flatMap((one) => (one.heard > 0 ? [one.id] : []))
  const rows = made.map((one) => ({
    ...stateOf(one),
    contactId: one.contactId,
    threadKey: one.threadKey,
    isGroup: one.isGroup,
  }))
  const [, updated] = await together([
    made.length > 0 ? conversationInsertAll(tx, channel, rows) : undefined,
    changed.length > 0 ? conversationUpdateAll(tx, changed.map(stateOf)) : [],
    heard.length > 0 ? readersBehind(tx, heard) : undefined,
  ])
  const contacts = new Map(conversations.map((one) => [one.id, one.contactId]))
  const subjectOf = (id: string): string | undefined => contacts.get(id)
  const fields = ['status', 'unreadCount', 'lastMessageAt', 'lastInboundAt', 'waitingSince']
  return [
    ...touches('conversations', made.map(firstVersion), ['contactId', 'channelId', ...fields], subjectOf),
    ...touches('conversations', updated, fields, subjectOf, recordChanges(conversationResource, updated, subjectOf)),
  ]
}

async function writeMessages(tx: Tx, { messages, channel }: Records): Promise<Touched[]> {
  const made = messages.flatMap((one) => one.made ?? [])
  const changes = messages.flatMap(({ id, change }) => (change ? { id, ...change } : []))
  const [, changed, linked] = await together([
    made.length > 0 ? messageInsertAll(tx, channel, made) : undefined,
    changes.length > 0 ? messageUpdateAll(tx, changes) : [],
    made.length > 0
      ? messageLinkReplies(
          tx,
          channel.id,
          made.map((one) => one.externalId),
        )
      : [],
  ])
  const contacts = new Map([...messages, ...linked].map((one) => [one.id, one.contactId]))
  const subjectOf = (id: string): string | undefined => contacts.get(id)
  const said = changed.flatMap(({ id, before, after }) => (before && after ? [{ id, before, after }] : []))
  const fields = [...new Set(changes.flatMap(({ id: _id, veiled: _veiled, ...change }) => Object.keys(change)))]
  const whole = ['conversationId', 'type', 'text', 'content', 'attachments']
  return [
    ...touches('messages', made.map(firstVersion), whole, subjectOf),
    ...touches('messages', changed, fields, subjectOf, recordChanges(messageResource, said, subjectOf)),
    ...touches('messages', linked, ['replyToId'], subjectOf),
  ]
}

/** Behind the messages, of which it asks what is left. */
async function writeTakenBack(tx: Tx, { messages }: Records): Promise<Touched[]> {
  const gone = messages.filter(({ direction, made, change }) => direction === 'inbound' && (made ?? change)?.deletedAt)
  if (gone.length === 0) return []
  const ids = gone.map(({ id }) => id)
  const rows = await conversationTakeBack(tx, ids)
  const contacts = new Map(rows.map((one) => [one.id, one.contactId]))
  return touches('conversations', rows, ['unreadCount', 'waitingSince'], (id) => contacts.get(id))
}

/** Of the wishes, those that are new. */
function consentTouches(
  { consents, channel }: Records,
  agreed: readonly { id: string; contactId: string }[],
): Touched[] {
  const contacts = new Map(agreed.map((one) => [one.id, one.contactId]))
  const { id: channelId, businessUnitId } = channel
  const values = consents.flatMap(({ id, contactId, category, state, source, identityId, occurredAt }) => {
    const after = { category, state, source, identityId, occurredAt, channelId, businessUnitId }
    return recordChange(consentEvents, { id, subjectId: contactId, before: null, after }) ?? []
  })
  return touches('consent-events', agreed.map(firstVersion), consentFieldNames, (id) => contacts.get(id), values)
}

/** Behind the messages and conversations: what an answer had settled that has failed now is owed again. */
async function writeFailed(tx: Tx, { messages }: Records): Promise<Touched[]> {
  const failed = messages.flatMap(({ id, change }) => (change?.status === 'failed' ? [id] : []))
  return failed.length > 0 ? answersFailed(tx, failed) : []
}

const wholeFile = ['messageId', 'conversationId', 'contactId', 'fileName', 'mediaType', 'status']

const firstVersion = ({ id }: { id: string }): Versioned => ({ id, version: 1 })

const time = (ms: number | null): string | null => (ms === null ? null : iso(ms))

function stateOf(one: ConversationRecord): ConversationState {
  const { id, identityId, status, unreadCount, heard, lastMessageId, state } = one
  return {
    ...{ id, identityId, status, unreadCount, heard, lastMessageId, state },
    waitingSince: time(one.waitingSinceMs),
    lastInboundAt: time(one.lastInboundMs),
    lastMessageAt: time(one.lastMessageMs),
  }
}
