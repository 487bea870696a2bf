import type { ChannelTypeName } from '../../channels/channel.ts'
import type { ConsentEvent } from '../../privacy/consent-events.ts'
import type { IntakeDecision } from '../../privacy/intake.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import type { PendingAttachment } from '../../resources/attachments/pending.ts'
import type { ContactGain, KnownContact } from '../../resources/contacts/queries.ts'
import type { KnownConversation } from '../../resources/conversations/queries.ts'
import type { Address } from '../../resources/identities/address.ts'
import type { IdentityChange, KnownIdentity, NewIdentity } from '../../resources/identities/queries.ts'
import type { KnownMessage, MessageChange, NewMessage } from '../../resources/messages/queries.ts'
import type { Occasion } from '../../resources/routing-rules/occasion.ts'

/**
 * What a batch of events works on: the rows that were read for it and those that it makes. Events change these records
 * in memory, one after the other; what has come of them is written at the end, all at once. So a batch takes a fixed
 * number of round trips, and the rules are plain functions.
 */
export interface Records {
  readonly channel: BatchChannel
  readonly keys: TenantKeys
  readonly contacts: Map<string, ContactRecord>
  readonly identities: IdentityRecord[]
  readonly conversations: ConversationRecord[]
  readonly messages: MessageRecord[]
  readonly attachments: PendingAttachment[]
  readonly consents: ConsentEvent[]
  readonly aside: Aside
  /** messages whose files go */
  readonly emptied: Set<string>
  /** when those were erased to whom addresses of the events belonged, by the address's hash; see erasedAddresses */
  readonly erased: ReadonlyMap<string, number>
  /** the addresses of the events that the business unit has marked as never identifying, by the address's hash */
  readonly shared: ReadonlySet<string>
  /** what the intake said of people that were not known, by `personKey` */
  readonly intake: Map<string, IntakeDecision>
  /** addresses that belong to somebody else than they came with: two contacts, whom somebody may join */
  readonly conflicts: { contactId: string; otherContactId: string }[]
  trouble: { code: string; at: string } | null
}

/** What follows of events for rows that they need not know: written as it comes, by statements of their own; see aside.ts */
export interface Aside {
  /** how far a customer has come, by conversation */
  readonly progress: { conversationId: string; status: 'delivered' | 'read'; upToMs: number }[]
  /** what mails are about; the first one of a conversation stays */
  readonly subjects: { conversationId: string; subject: string; country: string | null }[]
  readonly handles: { conversationId: string; contactId: string; token: string; untilMs: number }[]
  readonly bounces: { address: Address; contactId: string; code: string; atMs: number }[]
  /** addresses that somebody wrote from */
  readonly heard: { identityId: string; atMs: number }[]
  readonly threads: { from: string; to: string }[]
  /** events that ask for something to be done at the provider */
  readonly errands: Set<string>
}

export interface BatchChannel {
  id: string
  type: ChannelTypeName | (string & {})
  businessUnitId: string
  teamId: string | null
}

export interface ContactRecord extends KnownContact {
  isNew: boolean
  /** null: nothing */
  gain: Omit<ContactGain, 'id'> | null
}

export interface IdentityRecord extends KnownIdentity {
  /** the row to insert; null for one that was there */
  made: NewIdentity | null
  change: Omit<IdentityChange, 'id'> | null
  /** it was heard from, long enough after the last time to be noted */
  isSeen: boolean
}

export interface ConversationRecord extends KnownConversation {
  isNew: boolean
  isChanged: boolean
  /** how many messages of the contact have come that count as unread */
  heard: number
  /** what happened that rules may ask about, in its order; see routing */
  occasions: Occasion[]
  /** where a later message has come */
  lastMessageId: string | null
}

export interface MessageRecord extends KnownMessage {
  made: NewMessage | null
  change: Omit<MessageChange, 'id'> | null
}

/** The event that is being applied. */
export interface Cause {
  eventId: string
  /** when it happened, as milliseconds since 1970; never later than it arrived */
  atMs: number
  /** when it arrived */
  receivedMs: number
  /** There will be no later try: what it waits for does not come. */
  isLastTry: boolean
}

/** What has become of an event. `waiting`: nothing was done, it is to be tried again. */
export interface Outcome {
  status: 'processed' | 'duplicate' | 'ignored' | 'failed' | 'suppressed' | 'waiting'
  reason?: string
  contactId?: string
  conversationId?: string
  messageId?: string
  /** It is taken up again when this group, as `groupHash` names it, has a conversation. */
  awaitsGroup?: Buffer
}

export const iso = (ms: number): string => new Date(ms).toISOString()

/** A contact that was merged stands for the one that it went into. */
export function contactOf(records: Records, id: string): ContactRecord | undefined {
  let contact = records.contacts.get(id)
  for (let steps = 0; contact?.state === 'merged' && contact.mergedIntoId !== null && steps < 10; steps++)
    contact = records.contacts.get(contact.mergedIntoId)
  return contact
}

export function gain(contact: ContactRecord, more: Omit<ContactGain, 'id'>): void {
  contact.gain = { ...contact.gain, ...more }
}

export function changeIdentity(identity: IdentityRecord, change: Omit<IdentityChange, 'id'>): void {
  if (identity.made) identity.made = { ...identity.made, ...change }
  else identity.change = { ...identity.change, ...change }
}

export function changeMessage(message: MessageRecord, change: Omit<MessageChange, 'id'>): void {
  if (message.made) message.made = { ...message.made, ...change }
  else message.change = { ...message.change, ...change }
}

/** Names a person by the addresses that they came with. */
export const personKey = (addresses: readonly Address[]): string =>
  JSON.stringify(addresses.map(({ kind, channelId, match }) => [kind, channelId, match]))
