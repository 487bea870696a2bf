import type { JsonObject, JsonValue } from './json.ts'
import type { Identity, Party } from './party.ts'

export type { Identity, IdentityKind, Party, PartyField } from './party.ts'

/**
 * What every channel's events become. Plain types; `Date`s are instants, everything else is JSON.
 *
 * Who is who: the customer is `from` when `direction` is inbound and `to` when it is outbound (an
 * echo: somebody answered from the provider's own app). `customerOf` says it in code.
 * `occurredAt` null: the provider named no time, use the time of arrival.
 */
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
  | 'form'
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

/** A file: at the provider (`externalId` or `url`, both may expire), or in the event itself (`part`). */
export interface MediaRef {
  kind: MediaKind
  /** which part of the raw event holds the bytes, as the channel's `mediaPart` understands it */
  part?: string
  /** the Content-ID by which an HTML body shows the file, without brackets */
  contentId?: string
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
  /** our own id of that message, when an echo hands it back: then it is no further message, and was sent */
  messageId?: string
  direction: Direction
  /** a past message, brought in: no routing, no unread, no sending window */
  historical: boolean
  from: Party
  to?: Party
  /**
   * of an outbound message whose recipients are addresses that somebody wrote down (a mail's): those beside `to`. It
   * belongs into the thread that it names where the customer of that is among all of these; else to `to` alone.
   */
  alsoTo?: Identity[]
  thread?: Thread
  occurredAt: Date | null
  message: MessageBody
  media: MediaRef[]
  /** externalId of the message that this one answers */
  replyTo?: string
  /**
   * externalIds of earlier messages of the same thread, nearest first: the message belongs into the conversation of the
   * first that is known, whoever of its contacts wrote. A subject is never enough.
   */
  references?: string[]
  subject?: string
  /** lets us answer this very event, once, until then (LINE); a secret of the provider's */
  replyHandle?: { token: string; expiresAt: Date }
  /** a machine wrote it: shown, but it opens no sending window, nobody waits, and nothing answers it by itself */
  automated?: 'auto_reply' | 'bulk' | 'report'
  /** wishes that were given together with it (a form's check-boxes) */
  wishes?: Wish[]
  /** the advertisement or post that led here */
  referral?: JsonObject
  forwarded?: 'once' | 'often'
}

/** `category` all: no message at all (blocked, unfollowed). `detail`: the provider's words, the evidence. */
export interface Wish {
  category: 'marketing' | 'all'
  state: 'stop' | 'resume'
  detail: JsonObject
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

/** How far the customer has come with all that was sent to them until a moment (a watermark). */
export interface ProgressEvent {
  type: 'progress'
  status: 'delivered' | 'read'
  upTo: Date
  recipient: Party
  thread?: Thread
  occurredAt: Date | null
}

/** An address does not take messages: `isPermanent` marks the identity, `externalId` fails the message where it is ours. */
export interface BounceEvent {
  type: 'bounce'
  address: Identity
  isPermanent: boolean
  externalId?: string
  /** our own id of that message, when the report hands it back */
  messageId?: string
  /** an enhanced status ("5.1.1", RFC 3463) or the provider's word */
  code: string
  text: string
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
export interface PreferenceEvent extends Wish {
  type: 'preference'
  from: Party
  /** our own id of the message that it answers, where that is handed back: it is the wish of whom that went to */
  messageId?: string
  /** externalId of that message */
  externalId?: string
  occurredAt: Date | null
}

/** The provider's thread goes on under another id (a Telegram group became a supergroup). */
export interface ThreadChangeEvent {
  type: 'threadChange'
  old: Thread
  current: Thread
  occurredAt: Date | null
}

/** Something to be done at the provider because of this event (a subscription to be confirmed): see `ChannelType.errand`. */
export interface ErrandEvent {
  type: 'errand'
  kind: string
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
  | ProgressEvent
  | BounceEvent
  | EditEvent
  | DeleteEvent
  | ReactionEvent
  | IdentityChangeEvent
  | PreferenceEvent
  | ThreadChangeEvent
  | ErrandEvent
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
    case 'progress':
      return event.recipient
    case 'bounce':
      return { identities: [event.address] }
    case 'preference':
      return event.from
    case 'identityChange':
    case 'threadChange':
    case 'errand':
    case 'notice':
      return undefined
  }
}
