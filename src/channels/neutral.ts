import type { JsonObject, JsonValue } from './json.ts'

/**
 * What every channel's events become. Plain types; `Date`s are instants, everything else is JSON.
 *
 * Who is who: the customer is `from` when `direction` is inbound and `to` when it is outbound (an
 * echo: somebody answered from the provider's own app). `customerOf` says it in code.
 * `occurredAt` null: the provider named no time, use the time of arrival.
 */
export type IdentityKind =
  | 'whatsapp'
  | 'whatsapp_bsuid'
  | 'whatsapp_parent_bsuid'
  | 'messenger'
  | 'instagram'
  | 'line'
  | 'telegram'
  | 'webchat'
  | 'form'
  | 'connector'
  | 'phone'
  | 'email'

/** One address. `verified`: the provider vouches for it; only those may link contacts by themselves. */
export interface Identity {
  kind: IdentityKind
  value: string
  verified: boolean
}

/** Somebody: `identities` in order of preference for answering; empty when the provider told nothing. */
export interface Party {
  identities: Identity[]
  /** as the person calls themselves; never an identifier */
  displayName?: string
  /** display only: usernames change hands */
  username?: string
  email?: string
  /** E.164 */
  phone?: string
  /** what was given as phone and is not understandable without a country */
  phoneAsGiven?: string
  customFields?: JsonObject
}

export type Direction = 'inbound' | 'outbound'

/** The provider's own thread, where there is one beside "this person": a group, an email thread. */
export interface Thread {
  id: string
  kind: 'direct' | 'group'
}

export type MessageType =
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'document'
  | 'sticker'
  | 'location'
  | 'contacts'
  | 'interactive'
  | 'button'
  | 'order'
  | 'call'
  | 'system'
  | 'unsupported'

/**
 * `content` by type, camelCase, loses nothing that a front end needs; `text` is always the plain rendering.
 * `system` and `call` are not utterances: they open no sending window and are not unread.
 */
export interface MessageBody {
  type: MessageType
  content: JsonObject
  text: string
}

export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker'

/** A file at the provider. `externalId` or `url` is there; both may expire. */
export interface MediaRef {
  kind: MediaKind
  externalId?: string
  url?: string
  /** as the sender declared it; not to be believed */
  mediaType?: string
  filename?: string
  /** hex */
  sha256?: string
  sizeBytes?: number
}

export type FailureClass = 'permanent' | 'window_closed' | 'reauthorise' | 'opted_out' | 'limit' | 'transient'

export interface MessageEvent {
  type: 'message'
  /** the provider's id of the message; unique in its account */
  externalId: string
  direction: Direction
  /** a past message, brought in: no routing, no unread, no sending window */
  historical: boolean
  from: Party
  to?: Party
  thread?: Thread
  occurredAt: Date | null
  message: MessageBody
  media: MediaRef[]
  /** externalId of the message that this one answers */
  replyTo?: string
  /** the advertisement or post that led here */
  referral?: JsonObject
  forwarded?: 'once' | 'often'
}

export interface StatusEvent {
  type: 'status'
  /** externalId of the message that it is about */
  externalId: string
  /** our own id of that message, when the provider hands it back: finds a send whose answer was lost */
  messageId?: string
  status: 'sent' | 'delivered' | 'read' | 'failed' | 'deleted'
  /** the provider's own word ("played" is read) */
  providerStatus: string
  recipient: Party
  thread?: Thread
  error?: { code: string; message: string; class: FailureClass }
  /** the provider's price category and conversation, camelCase */
  billing?: JsonObject
  occurredAt: Date | null
}

interface OfMessage {
  /** externalId of the message that is changed */
  externalId: string
  direction: Direction
  from: Party
  to?: Party
  thread?: Thread
  occurredAt: Date | null
}

export interface EditEvent extends OfMessage {
  type: 'edit'
  message: MessageBody
  media: MediaRef[]
}
export interface DeleteEvent extends OfMessage {
  type: 'delete'
}
/** `emoji` null: the reaction was taken back. */
export interface ReactionEvent extends OfMessage {
  type: 'reaction'
  emoji: string | null
}

/**
 * The provider says that one person's address changed: whoever is known by any of `old` is the same
 * as `current`. An old address is superseded where `current` has another of the same kind.
 */
export interface IdentityChangeEvent {
  type: 'identityChange'
  reason: 'phone_changed' | 'user_id_changed'
  old: Identity[]
  current: Identity[]
  /** the provider's sentence about it, for the timeline */
  text?: string
  occurredAt: Date | null
}

/** A wish about being contacted: evidence for consent, with the provider's words in `detail`. */
export interface PreferenceEvent {
  type: 'preference'
  from: Party
  category: 'marketing'
  state: 'stop' | 'resume'
  detail: JsonObject
  occurredAt: Date | null
}

/** About the account rather than a customer: worth showing in the channel's health. */
export interface NoticeEvent {
  type: 'notice'
  kind: string
  severity: 'info' | 'warning' | 'error'
  /** one plain English line */
  text: string
  detail: JsonValue
  occurredAt: Date | null
}

export type NeutralEvent =
  | MessageEvent
  | StatusEvent
  | EditEvent
  | DeleteEvent
  | ReactionEvent
  | IdentityChangeEvent
  | PreferenceEvent
  | NoticeEvent

/** The customer of an event; undefined where it is about none (notices) or names addresses only. */
export function customerOf(event: NeutralEvent): Party | undefined {
  switch (event.type) {
    case 'message':
    case 'edit':
    case 'delete':
    case 'reaction':
      return event.direction === 'inbound' ? event.from : event.to
    case 'status':
      return event.recipient
    case 'preference':
      return event.from
    case 'identityChange':
    case 'notice':
      return undefined
  }
}
