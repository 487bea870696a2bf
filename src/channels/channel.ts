import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Headers } from './headers.ts'
import type { HttpClient } from './http-client.ts'
import type { JsonObject, JsonValue } from './json.ts'
import type { Identity, IdentityKind, MediaKind, MediaRef, NeutralEvent, Thread } from './neutral.ts'
import type { ConnectResult, ErrandResult, Profile, SendResult } from './results.ts'
import type { RichContent } from './rich/content.ts'
import type { RichMeans, TextUnit } from './rich/means.ts'

export type { ConnectResult, ErrandResult, Profile, SendResult } from './results.ts'

/**
 * The one interface between the hub and a provider. Adding a channel = a folder with one of these
 * and one line in `index.ts`. Nothing here knows a database, a web framework or a resource:
 * bytes and settings go in, decisions and neutral events come out.
 *
 * The way of an event: `verify` the raw bytes → `split` into raw events, stored as they are → the
 * answer → later, in order per lane, `parse` each into neutral events. `split` and `parse` are
 * total: they never throw and never make a network call.
 */
export type ChannelTypeName =
  | 'whatsapp'
  | 'messenger'
  | 'instagram'
  | 'line'
  | 'telegram'
  | 'email'
  | 'form'
  | 'webchat'
  | 'connector'

/** What a provider posted. `rawBody`: the bytes on the wire, never re-serialised. */
export interface Post {
  headers: Headers
  query: Record<string, string | undefined>
  rawBody: Buffer
  receivedAt: Date
}

export type RefusalReason =
  | 'signature_missing'
  | 'signature_invalid'
  | 'timestamp_invalid'
  | 'timestamp_out_of_range'
  | 'secret_missing'

export type Verdict = { ok: true } | { ok: false; reason: RefusalReason }

/** One provider event, as it is stored before it is understood. All texts are storable (no NUL). */
export interface RawEvent {
  /**
   * the type of channel that it is for; the one that split it unless said. Only where it names an account: one provider
   * app may post the events of all its products to one address
   */
  type?: ChannelTypeName
  /** the provider account that it names (a phone_number_id, a page); null where it names none */
  account: string | null
  /** the larger account around it (a WABA), for events that name no account of their own */
  scope?: string | null
  /** unique per account; the same for every redelivery, whatever the order of members; hash it before storing */
  dedupeKey: string
  /** events of one lane are normalised in order: the customer's address, or a group; null: account level */
  lane: string | null
  /** the provider's name of the event, `[a-z0-9_.]`: "messages.text", "statuses.delivered", "account_update" */
  kind: string
  occurredAt: Date | null
  /** everything that `parse` needs, in the provider's own shape, about this event alone */
  payload: JsonValue
  /** large bytes of the event (a mail as it came in), stored beside the payload; a view of `rawBody` costs no memory */
  blob?: Buffer
}

/** A raw event as it was stored. */
export interface KeptEvent {
  kind: string
  payload: JsonValue
  /** its `blob` */
  kept?: KeptBlob
}

/** The stored `blob` of a raw event: read piece by piece, since it may be larger than what may be held in memory. */
export interface KeptBlob {
  readonly sizeBytes: number
  /** the bytes from `start` up to, without, `end` */
  read(start: number, end: number): AsyncIterable<Buffer>
}

export interface Rejected {
  id: string | null
  code: string
}

export type Split = { events: RawEvent[]; rejected: Rejected[] } | { malformed: string }

/**
 * ignored: understood, nothing to do. failed: should have been understood, or says something that this release does not
 * know: it is kept, counted in the channel's health, listed and replayed. Neither holds back what follows in its lane.
 */
export type Parsed =
  | { outcome: 'events'; events: NeutralEvent[] }
  | { outcome: 'ignored'; reason: string }
  | { outcome: 'failed'; reason: string }

export interface OutboundMessage {
  /** our id (UUID): the idempotency key where the provider has one, its tracker where it has none */
  id: string
  recipient: { identities: Identity[]; thread?: Thread }
  content: OutboundContent
  /** at most as many, and of the kinds, that `sends` names; the text is their caption */
  files: OutboundFile[]
  /** externalId of the message that this answers */
  replyTo?: string
  /** that message's content, as `parse` gave it: some providers know it by what they told with it */
  replyToContent?: JsonObject
  /** externalIds of the conversation's messages, newest first */
  references?: string[]
  subject?: string
  /** the provider's handle on the customer's last event, not yet used and not yet expired */
  replyHandle?: string
  /** outside the window for ordinary answers, within the one for a person's */
  isHumanAgent?: boolean
  /** written by nobody: the provider or the mail is told so */
  isAutomatic?: boolean
  /** where the recipient can say stop with one request (RFC 8058); on marketing only */
  unsubscribeUrl?: string
}

export type OutboundContent =
  | { type: 'text'; text: string; previewUrl?: boolean; html?: string }
  /** approved by the provider beforehand; `components` in the provider's own shape, `text` how it reads */
  | { type: 'template'; name: string; language: string; components: JsonValue[]; text: string }
  /** choices, a place, contact cards: `text` is what stands above the choices, else how it reads */
  | RichContent

/** A stored file that goes out: as bytes, or as a link that lives minutes where the provider fetches files itself. */
export interface OutboundFile {
  kind: MediaKind
  fileName: string | null
  mediaType: string
  sizeBytes: number
  open(): Promise<Readable>
  /** `person`: opened by the customer's own device, when they read the message, which may be days later */
  link(reader?: 'provider' | 'person'): Promise<string>
}

/** `sizeBytes` and `mediaType` as declared, to be checked against what arrives. Destroy `stream` if unused. */
export interface MediaDownload {
  stream: Readable
  mediaType: string | null
  sizeBytes: number | null
  /** hex, as the provider declared it */
  sha256: string | null
}

/** Why a file could not be had. Its message never contains a URL, a token or the provider's text. */
export class MediaError extends Error {
  readonly code: 'gone' | 'unauthorised' | 'too_large' | 'blocked_address' | 'not_a_reference' | 'unavailable'
  readonly retryable: boolean
  constructor(code: MediaError['code'], retryable: boolean) {
    super(`media ${code.replaceAll('_', ' ')}`)
    this.name = 'MediaError'
    this.code = code
    this.retryable = retryable
  }
}

/** One thing that an administrator enters at the provider. `value` may be shown to whoever may change the channel. */
export interface SetupStep {
  /** `[a-z_]`: "callback_url", "verify_token" */
  name: string
  /** what it is called there, and where */
  hint: string
  value: string
}

/** What `parse` may know of the channel beside the event. */
export interface ParseContext {
  settings: unknown
}

export interface AnswerCounts {
  accepted: number
  duplicates: number
  rejected: Rejected[]
}

/**
 * `Settings` is what `settings` parses to; `Reading` is a promise only where events have blobs to be read. Methods are
 * total unless they say otherwise.
 */
export interface ChannelType<Settings = unknown, Reading extends Parsed | Promise<Parsed> = Parsed | Promise<Parsed>> {
  readonly type: ChannelTypeName
  /** strict object of all settings, secrets included, named as in the contract */
  readonly settings: z.ZodType<Settings>
  /** names of the write-only settings */
  readonly secrets: readonly string[]
  /** fills in the secrets that the caller may leave out */
  generate?(settings: Settings): Settings
  /** the provider account that it serves; null where the channel itself is the account */
  account(settings: Settings): string | null
  /** the larger account (WABA) that it belongs to; compare with `RawEvent.scope` */
  scope?(settings: Settings): string | null
  /**
   * the secret that all channels behind one provider app share, of whatever type; null where each has its own. Their
   * events may come in at any of their addresses
   */
  appSecret(settings: Settings): string | null
  /** the provider's GET that proves the address is ours */
  handshake?(query: Post['query'], settings: Settings): { status: number; contentType: string; body: string }
  /** fetches, once, what `verify` needs for this post (the certificate that it names); the one step that may wait for others */
  prepare?(post: Post, settings: Settings, http: HttpClient): Promise<void>
  /** over the raw bytes, in constant time */
  verify(post: Post, settings: Settings): Verdict
  /** one event per customer message, status, …; what is unknown is kept under a kind "unknown" */
  split(post: Post, settings: Settings): Split
  /** the answer that the provider, or a person's browser, expects; 200 without a body unless given */
  answer?(counts: AnswerCounts, post: Post, settings: Settings): Answer
  /** CORS: origins whose pages may post here and read the answer; null: none */
  origins?(settings: Settings): readonly string[] | null
  /** bytes of a post at most; 4 MiB unless given */
  readonly postBytesMax?: number
  /** `context.settings` parse to `Settings`; given where `parseNeedsSettings` (opening them costs) */
  parse(event: KeptEvent, context?: ParseContext): Reading
  readonly parseNeedsSettings?: boolean
  /** what to enter at the provider so that events arrive at `webhookUrl` */
  setup(settings: Settings, webhookUrl: string): SetupStep[]
  /** tells the provider of `webhookUrl` by itself, where its API can; a job, repeated when settings change */
  connect?(settings: Settings, webhookUrl: string, http: HttpClient): Promise<ConnectResult>
  /** does what an `ErrandEvent` of this raw event asks; a job */
  errand?(event: KeptEvent, settings: Settings, http: HttpClient): Promise<ErrandResult>
  /**
   * who somebody is; a job, for those without a name. null: the provider does not say. `thread`: the group where they
   * were met, whose members some providers tell of. @throws HttpClientError where asking again later may help
   */
  fetchProfile?(identity: Identity, settings: Settings, http: HttpClient, thread?: Thread): Promise<Profile | null>
  /** the kinds of addresses that `send` takes */
  readonly reaches: readonly IdentityKind[]
  /**
   * whether the provider drops what it has seen: then a send of unknown outcome may be repeated with the same id, unless
   * it was given a `replyHandle`, which no provider knows again
   */
  readonly isIdempotent: boolean
  /** what a thread of the provider's, where a conversation has one beside the person, is */
  readonly threadKind: Thread['kind']
  send(message: OutboundMessage, settings: Settings, http: HttpClient): Promise<SendResult>
  /** @throws MediaError */
  fetchMedia?(ref: MediaRef, settings: Settings, http: HttpClient): Promise<MediaDownload>
  /** the bytes of `ref.part` of a raw event. @throws MediaError `not_a_reference` */
  mediaPart?(event: KeptEvent, ref: MediaRef): Promise<MediaDownload>
  /** what it can send beside text */
  readonly sends: {
    files: readonly MediaKind[]
    filesMax: number
    templates: boolean
    subject: boolean
    /** choices, places, contact cards; left out: none of them */
    rich?: RichMeans
  }
  /** the group whose pace a thread's messages share, where `limits.group` says one; null: the recipient's is kept */
  groupOf?(threadId: string): string | null
  readonly limits: Limits
  readonly window: SendWindow
}

/**
 * Hours after the customer's last message: in which free-form answers are allowed (null: always), and beyond that those
 * that a person writes. Templates are not bound to either.
 */
export interface SendWindow {
  replyHours: number | null
  humanAgentHours?: number
}

/** `text` is sent as it is, with `headers` ("content-type", "location"); else `body` as JSON. */
export type Answer = { status: number; headers?: Record<string, string> } & (
  | { body: JsonValue | null }
  | { text: string }
)

export interface Limits {
  /** of an outgoing text, counted in `textUnit`: characters (code points) unless given */
  textLength: number
  textUnit?: TextUnit
  /** bytes of an incoming file */
  mediaBytesMax: number
  captionLength?: number
  /** messages of the whole account */
  accountPerSecond?: number
  /** messages to one recipient: `burst` at once, then one per `everyMs` */
  recipient?: { everyMs: number; burst: number }
  /** messages to one group, as `groupOf` names it; instead of the recipient's */
  group?: { everyMs: number; burst: number }
}
