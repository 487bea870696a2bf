import { customerOf, type NeutralEvent } from '../../channels/neutral.ts'
import type { Tx } from '../../db/database.ts'
import { erasedAddresses } from '../../privacy/erasure-ledger.ts'
import { intakeDecision } from '../../privacy/intake.ts'
import { contactListAround, type KnownContact } from '../../resources/contacts/queries.ts'
import {
  conversationListAround,
  conversationListOfGroups,
  type KnownConversation,
} from '../../resources/conversations/queries.ts'
import { identifierHash, indexable } from '../../resources/identities/address.ts'
import {
  contactIdsAt,
  identityListAround,
  identityLockAll,
  type KnownIdentity,
  type PeopleScope,
} from '../../resources/identities/queries.ts'
import { sharedAddresses } from '../../resources/identities/shared.ts'
import { type KnownMessage, messageListByExternalId, messageListById } from '../../resources/messages/queries.ts'
import { groupKey } from './conversation.ts'
import { messageOf, threadNames } from './message.ts'
import { addressesOf, type PartyAddress } from './party-addresses.ts'
import { knownBy } from './people.ts'
import { answered } from './preference.ts'
import { type BatchChannel, type ContactRecord, personKey, type Records } from './records.ts'
import { together } from './together.ts'

/** A neutral event with the moment when it happened, in milliseconds since 1970. */
export interface Happening {
  event: NeutralEvent
  atMs: number
}

/** Reads everything that a batch of events may concern: one round trip, and another one where somebody is new. */
export async function loadRecords(tx: Tx, channel: BatchChannel, happenings: readonly Happening[]): Promise<Records> {
  const addresses = happenings.flatMap(({ event }) => addressesNamed(event, channel.id))
  const { externalIds, ownIds } = messagesNamed(happenings)
  const hashes = addresses.map((one) => identifierHash(tx.keys, one))
  const scope = { unitId: channel.businessUnitId, matches: addresses.flatMap((one) => one.variants), contactIds: [] }
  const locked = addresses.length > 0 ? identityLockAll(tx, hashes) : undefined
  const wished = happenings.flatMap(({ event }) =>
    event.type === 'preference' ? addressesNamed(event, channel.id).flatMap((one) => one.variants) : [],
  )
  const since = sinceMs(happenings)
  const groups = groupsNamed(happenings)
  const [people, ofGroups, byExternalId, byId, erased, shared, holders] = await together([
    addresses.length > 0 ? loadPeople(tx, channel, scope, since) : nobody,
    groups.length > 0 ? conversationListOfGroups(tx, channel.id, groups, since) : [],
    externalIds.length > 0 ? messageListByExternalId(tx, channel.id, externalIds) : [],
    ownIds.length > 0 ? messageListById(tx, channel.id, ownIds) : [],
    addresses.length > 0 ? erasedAddresses(tx, channel.businessUnitId, hashes) : new Map<string, number>(),
    addresses.length > 0 ? sharedAddresses(tx, channel.businessUnitId, hashes) : new Set<string>(),
    wished.length > 0 ? contactIdsAt(tx, channel.businessUnitId, wished) : [],
    locked,
  ])
  const messages = [...byExternalId, ...byId]
  const others = othersNamed(happenings, people, messages, holders)
  const around = others.length > 0 ? await loadPeople(tx, channel, scope, since, others) : people
  const known = new Set(around.conversations.map((one) => one.id))
  const conversations = [...around.conversations, ...ofGroups.filter((one) => !known.has(one.id))]
  const records = { ...recordsOf(tx, channel, { ...around, conversations }, messages), erased, shared }
  await askIntake(tx, records, happenings)
  return records
}

const looksForPeople: ReadonlySet<NeutralEvent['type']> = new Set(['message', 'preference', 'progress'])

/** Those whom the events may find or make; what is said of a known message needs nobody looked up. */
export function addressesNamed(event: NeutralEvent, channelId: string): PartyAddress[] {
  if (event.type === 'identityChange') return addressesOf({ identities: [...event.old, ...event.current] }, channelId)
  const party = looksForPeople.has(event.type) ? customerOf(event) : undefined
  return party ? addressesOf(party, channelId) : []
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

function messagesNamed(happenings: readonly Happening[]): { externalIds: string[]; ownIds: string[] } {
  const externalIds = new Set<string>()
  const ownIds = new Set<string>()
  for (const { event } of happenings) {
    if ('externalId' in event && event.externalId !== undefined) externalIds.add(indexable(event.externalId))
    if ('messageId' in event && event.messageId !== undefined && uuid.test(event.messageId))
      ownIds.add(event.messageId.toLowerCase())
    if (event.type !== 'message') continue
    if (event.replyTo !== undefined) externalIds.add(indexable(event.replyTo))
    for (const one of event.references ?? []) externalIds.add(indexable(one))
  }
  return { externalIds: [...externalIds], ownIds: [...ownIds] }
}

/**
 * Contacts in whose conversations the events belong although others wrote: somebody else answers in a thread. And those
 * whom a wish is about: who got the message that it answers, and whoever has the address, if only as a claim.
 */
function othersNamed(
  happenings: readonly Happening[],
  { contacts }: People,
  messages: readonly KnownMessage[],
  holders: readonly string[],
): string[] {
  const named = new Set(
    happenings.flatMap(({ event }) => (event.type === 'message' ? threadNames(event).map(indexable) : [])),
  )
  const known = new Set(contacts.map(({ id }) => id))
  const others = messages.filter(
    ({ externalId, contactId }) => externalId !== null && named.has(externalId) && !known.has(contactId),
  )
  const asked = happenings.flatMap(({ event }) => {
    const message = event.type === 'preference' ? answered(messages, event) : undefined
    return message && !known.has(message.contactId) ? message.contactId : []
  })
  const claimed = holders.filter((id) => !known.has(id))
  return [...new Set([...others.map(({ contactId }) => contactId), ...asked, ...claimed])]
}

/** The groups in which something happened, by the keys of their threads. */
function groupsNamed(happenings: readonly Happening[]): string[] {
  const threads = happenings.flatMap(({ event }) =>
    event.type === 'message' ? [event.thread] : event.type === 'threadChange' ? [event.old, event.current] : [],
  )
  return [...new Set(threads.flatMap((thread) => groupKey(thread) ?? []))]
}

/** From when on the utterances of a conversation matter to those that come now. */
function sinceMs(happenings: readonly Happening[]): number {
  const live = happenings.filter(({ event }) => event.type === 'message' && !event.historical)
  return Math.min(...live.map(({ atMs }) => atMs))
}

interface People {
  identities: KnownIdentity[]
  contacts: KnownContact[]
  conversations: KnownConversation[]
}

const nobody: People = { identities: [], contacts: [], conversations: [] }
const mergesMax = 10

/** Also those into whom somebody was merged. */
async function loadPeople(
  tx: Tx,
  channel: BatchChannel,
  scope: PeopleScope,
  since: number,
  others: readonly string[] = [],
): Promise<People> {
  for (let contactIds = [...others]; ; ) {
    const wanted = { ...scope, contactIds }
    const [identities, contacts, conversations] = await together([
      identityListAround(tx, wanted),
      contactListAround(tx, wanted),
      conversationListAround(tx, wanted, channel.id, since),
    ])
    const known = new Set(contacts.map((one) => one.id))
    const missing = contacts.flatMap((one) =>
      one.mergedIntoId !== null && !known.has(one.mergedIntoId) ? one.mergedIntoId : [],
    )
    if (missing.length === 0 || contactIds.length >= others.length + mergesMax)
      return { identities, contacts, conversations }
    contactIds = [...contactIds, ...missing]
  }
}

function recordsOf(
  tx: Tx,
  channel: BatchChannel,
  people: People,
  messages: readonly KnownMessage[],
): Omit<Records, 'erased' | 'shared'> {
  const contacts = people.contacts.map((one): [string, ContactRecord] => [one.id, { ...one, isNew: false, gain: null }])
  const byId = new Map(messages.map((one) => [one.id, one]))
  return {
    channel,
    keys: tx.keys,
    contacts: new Map(contacts),
    identities: people.identities.map((one) => ({ ...one, made: null, change: null, isSeen: false })),
    conversations: people.conversations.map((one) => ({ ...one, ...unchanged() })),
    messages: [...byId.values()].map((one) => ({ ...one, made: null, change: null })),
    attachments: [],
    consents: [],
    aside: { progress: [], subjects: [], handles: [], bounces: [], heard: [], threads: [], errands: new Set() },
    emptied: new Set(),
    intake: new Map(),
    conflicts: [],
    trouble: null,
  }
}

const unchanged = () => ({ isNew: false, isChanged: false, heard: 0, occasions: [], lastMessageId: null })

/** Asks the one question for everybody who would become a contact. */
async function askIntake(tx: Tx, records: Records, happenings: readonly Happening[]): Promise<void> {
  const unknown = new Map<string, PartyAddress[]>()
  for (const { event, atMs } of happenings) {
    const isKnown = event.type === 'message' && messageOf(records, event.externalId) !== undefined
    // Only a message makes somebody, and a wish of somebody whom the provider knows.
    if (isKnown || (event.type !== 'message' && event.type !== 'preference')) continue
    const addresses = addressesNamed(event, records.channel.id)
    if (addresses.length > 0 && !knownBy(records, addresses, atMs)) unknown.set(personKey(addresses), addresses)
  }
  await Promise.all(
    [...unknown].map(async ([key, addresses]) => {
      records.intake.set(key, await intakeDecision(tx, addresses))
    }),
  )
}
