import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Database } from '../../db/database.ts'
import { type ErrorCode, Problem } from '../../errors.ts'
import { answerPreflight } from '../../http/cross-origin.ts'
import type { Deps } from '../../http/records.ts'
import { noContent } from '../../http/schema.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import { attachmentStore } from '../attachments/keep-file.ts'
import { Allowance } from './allowance.ts'
import { ChannelChanged } from './queries.ts'
import { UploadAllowance } from './upload-allowance.ts'
import { bearer, type ChatChannel, type ChatVisitor, Visitors } from './visitors.ts'

export const chatPath = '/v1/webchat/:channelId'
/** Whoever asks shows a visitor's token, which is none of the service's own. */
export const chatConfig = { public: true, cors: false } as const
/** What every route of a visitor may answer. */
export const chatErrors: readonly ErrorCode[] = ['not_found', 'forbidden', 'unauthenticated']

/** Of one address (of IPv6: one /64): whole offices are behind some. */
const sessionsPerMinute = 120
/** Of one visitor; a person types less. */
const postsPerMinute = 60
const attemptsMax = 4

/** What the routes of visitors share. */
export interface ChatScope {
  deps: Deps
  db: Database
  store: FileStore
  visitors: Visitors
  /** Counts a new session of an address. @throws Problem rate_limited */
  countSession(address: string, reply: FastifyReply): Promise<void>
  /** Counts what a visitor sends, each `kind` by itself. @throws Problem rate_limited */
  countPost(kind: 'post' | 'read' | 'file', visitorId: string, reply: FastifyReply): Promise<void>
  uploads: UploadAllowance
  /**
   * Runs a request of whoever `who` makes of the channel; once more with the channel as it is now, where it has changed
   * since it was read.
   */
  withChannel<T>(request: FastifyRequest, work: (chat: ChatChannel) => Promise<T>): Promise<T>
  /** The same for a visitor with a token. @throws Problem unauthenticated */
  asVisitor<T>(request: FastifyRequest, work: (one: ChatVisitor) => Promise<T>, token?: string): Promise<T>
}

/** Everything below has its channel found, and pages of other sites turned away, before anything else is looked at. */
export function chatScope(scope: FastifyInstance, deps: Deps): ChatScope {
  const { db, config } = deps
  const visitors = new Visitors(db, (channelId, unrecorded) =>
    scope.log.warn({ channelId, unrecorded }, 'more requests to a webchat were refused than are on record'),
  )
  scope.addHook('onClose', async () => visitors.close())
  const chats = new WeakMap<FastifyRequest, ChatChannel>()
  scope.addHook('onRequest', async (request, reply) => {
    chats.set(request, await visitors.channel(request, reply))
  })
  const withChannel: ChatScope['withChannel'] = async (request, work) => {
    let chat = chats.get(request)
    for (let attempt = 0; chat && attempt < attemptsMax; attempt++) {
      try {
        return await work(chat)
      } catch (error) {
        if (!(error instanceof ChannelChanged)) throw error
        chat = await visitors.renewed(chat)
      }
    }
    throw new Problem('unavailable', {
      detail: 'The channel is changing too quickly.',
      headers: { 'retry-after': '1' },
    })
  }
  const isLimited = config.rateLimitPerMinute > 0
  const allowance = new Allowance(db)
  return {
    deps,
    db,
    store: attachmentStore(config),
    visitors,
    countSession: async (address, reply) => {
      if (isLimited) await allowance.count(`session/${address}`, sessionsPerMinute, reply)
    },
    countPost: async (kind, visitorId, reply) => {
      if (isLimited) await allowance.count(`${kind}/${visitorId}`, postsPerMinute, reply)
    },
    // What they write is on the disk: this holds where requests are not counted, too.
    uploads: new UploadAllowance(allowance),
    withChannel,
    asVisitor: (request, work, token = bearer(request)) =>
      withChannel(request, async (chat) => work(await visitors.visitor(request, chat, token))),
  }
}

/** What browsers ask before a request of a page. */
export function preflight(scope: FastifyInstance, url: string, methods: string): void {
  scope.options(url, {
    config: { ...chatConfig, hidden: true },
    schema: { response: { 204: noContent } },
    handler: async (_request, reply) => answerPreflight(reply.header('allow', `${methods}, OPTIONS`), methods),
  })
}
