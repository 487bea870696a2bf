import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../../access/principal.ts'
import { type WebchatSettings, webchatSettings } from '../../channels/webchat/settings.ts'
import { type Visitor, visitorAddresses } from '../../channels/webchat/visitor-post.ts'
import type { Caller, Database } from '../../db/database.ts'
import { Problem } from '../../errors.ts'
import { shareWith } from '../../http/cross-origin.ts'
import { metaOf } from '../../http/guard.ts'
import { indexable } from '../identities/address.ts'
import { type KnownChannel, knownChannels } from '../ingest/known-channels.ts'
import { Refusals } from '../ingest/refusals.ts'
import { channelParams } from './schema.ts'
import { visitorOfToken } from './visitor-token.ts'

/** A channel that visitors write to, as it was when it was read. */
export interface ChatChannel {
  known: KnownChannel
  settings: WebchatSettings
}

/** A visitor who has shown their token. */
export interface ChatVisitor extends ChatChannel {
  visitor: Visitor
  /** their addresses as identities are found by them */
  matches: readonly string[]
  caller: Caller
}

/** Who may use which chat: pages by their origin, visitors by their token. */
export class Visitors {
  readonly #db: Database
  readonly #refusals: Refusals
  readonly #bases = new Map<string, Principal>()

  /** @param summed is told how many refusals of a channel are not on record */
  constructor(db: Database, summed: (channelId: string, unrecorded: number) => void) {
    this.#db = db
    this.#refusals = new Refusals(summed)
  }

  close(): void {
    this.#refusals.close()
  }

  /**
   * The channel of a request, whose answer the page may read from here on.
   * @throws Problem not_found; forbidden where the page is none of the channel's
   */
  async channel(request: FastifyRequest, reply: FastifyReply): Promise<ChatChannel> {
    const { data } = channelParams.safeParse({ channelId: memberOf(request.params, 'channelId') })
    const known = data ? await knownChannels(this.#db).get(data.channelId) : null
    const chat = known && chatOf(known)
    if (!chat) throw new Problem('not_found')
    if (!shareWith(request, reply, chat.settings.allowedOrigins)) throw await this.#refused(request, chat, 'forbidden')
    return chat
  }

  /** The same once more, as it is now: somebody has changed the channel. */
  async renewed({ known }: ChatChannel): Promise<ChatChannel> {
    const now = await knownChannels(this.#db).reload(known.id)
    const chat = now && chatOf(now)
    if (!chat) throw new Problem('not_found')
    return chat
  }

  /** @throws Problem unauthenticated */
  async visitor(request: FastifyRequest, chat: ChatChannel, token = bearer(request)): Promise<ChatVisitor> {
    const of = (one: ChatChannel): Visitor | null =>
      visitorOfToken(this.#db.keyring, one.known.id, one.settings.signingSecret, token)
    const visitor = of(chat)
    if (visitor) return this.visitorOf(request, chat, visitor)
    // Another process may have learned of a new secret already.
    if (token !== '' && this.#refusals.mayReload(chat.known.id)) {
      const now = await this.renewed(chat)
      const again = of(now)
      if (again) return this.visitorOf(request, now, again)
    }
    throw await this.#refused(request, chat, 'unauthenticated')
  }

  visitorOf(request: FastifyRequest, chat: ChatChannel, visitor: Visitor): ChatVisitor {
    const principal = { ...this.#base(chat.known.tenant), id: visitor.id }
    return {
      ...chat,
      visitor,
      matches: visitorAddresses(visitor).map(indexable),
      caller: { principal, meta: metaOf(request) },
    }
  }

  async badSignature(request: FastifyRequest, chat: ChatChannel): Promise<Problem> {
    return this.#refused(request, chat, 'invalid_signature')
  }

  /** One for all visitors of a tenant: statements are kept with its ability. What they may see is in the statements. */
  #base(tenant: { tenantId: string; region: string }): Principal {
    const base = this.#bases.get(tenant.tenantId) ?? this.#db.own('visitor', tenant)
    this.#bases.set(tenant.tenantId, base)
    return base
  }

  /** The first of its kind and address in a minute is on record before it is answered. */
  async #refused(request: FastifyRequest, { known }: ChatChannel, code: keyof typeof details): Promise<Problem> {
    if (this.#refusals.add(known.id, code, request.ip)) {
      const caller = { principal: this.#base(known.tenant), meta: metaOf(request) }
      await this.#db.denied(caller, { action: 'read', resource: 'channels' }, code, [known.id])
    }
    return new Problem(code, { detail: details[code] })
  }
}

/** What a page's author can do about it. */
const details: Readonly<Record<'forbidden' | 'unauthenticated' | 'invalid_signature', string>> = {
  forbidden: 'Pages of this origin are not among the channel’s allowedOrigins.',
  unauthenticated: 'The visitor’s token is missing or not valid (any more): open a session.',
  invalid_signature: 'userId goes with userHash, the HMAC-SHA256 of it under the channel’s signingSecret.',
}

function chatOf(known: KnownChannel): ChatChannel | null {
  if (known.type.type !== 'webchat') return null
  return { known, settings: webchatSettings.parse(known.settings) }
}

export function bearer(request: FastifyRequest): string {
  return /^Bearer ([\w.-]{1,4096})$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
