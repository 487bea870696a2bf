import { randomUUIDv7 } from 'node:crypto'
import { PassThrough, type Readable } from 'node:stream'
import type { FastifyBaseLogger } from 'fastify'
import { visitorAddresses } from '../../channels/webchat/visitor-post.ts'
import type { Database } from '../../db/database.ts'
import { Problem } from '../../errors.ts'
import { addressBlock } from '../../http/address-block.ts'
import { after, type VisitorCursor, writeCursor } from './cursor.ts'
import { visitorHeads } from './heads.ts'
import { ChannelChanged, markDelivered, messagesAfter, type ToldMessage } from './queries.ts'
import { StreamPlaces } from './stream-places.ts'
import type { ChatVisitor } from './visitors.ts'

export interface StreamLimits {
  /** How often all who listen are looked after, with one question per tenant. */
  pollMs: number
  heartbeatMs: number
  /** Of one visitor: windows of a browser. */
  perVisitorMax: number
  /** Of one address (of IPv6: one /64): whole offices are behind some. A visitor costs nothing to be, an address does. */
  perAddressMax: number
  /** Of one channel, so that strangers at one site's chat leave those of the same tenant's others alone. */
  perChannelMax: number
  /** Of one tenant, a quarter of what one process serves: nobody's visitors take the places of everybody. */
  perTenantMax: number
  /** Of this process. */
  totalMax: number
  /** Then the page comes again, with a look at its token. */
  lifetimeMs: number
  /** Whoever does not read is let go. */
  unreadBytesMax: number
}

export const streamLimits: StreamLimits = {
  pollMs: 500,
  heartbeatMs: 15_000,
  perVisitorMax: 6,
  perAddressMax: 60,
  perChannelMax: 400,
  perTenantMax: 500,
  totalMax: 2_000,
  lifetimeMs: 3_600_000,
  unreadBytesMax: 1_048_576,
}

const batchMax = 50
/** Of this process's connections to the database, so many at once are for streams; the others wait their turn. */
const tellingMax = 4
/** What a browser waits before it comes again. */
const retryMs = 2_000

interface Stream {
  who: ChatVisitor
  /** of its place among all streams; see StreamPlaces */
  id: string
  cursor: VisitorCursor
  out: PassThrough
  startedAt: number
  saidAt: number
  /** A batch is on its way; the next one waits. */
  isBusy: boolean
}

/**
 * Server-sent events (WHATWG HTML, 9.2) to all visitors that this process serves. One poll asks the database how far
 * everybody's conversation has come, with whatever lies between us and it; what is new to one of them is read by itself,
 * and leaves when the audit event of that reading is committed. Where a stream broke off, the next one goes on, at this
 * or another process: the id of every event says how far it was.
 */
export class VisitorStreams {
  readonly #db: Database
  readonly #log: FastifyBaseLogger
  readonly #limits: StreamLimits
  readonly #places: StreamPlaces
  readonly #streams = new Set<Stream>()
  readonly #waiting: Stream[] = []
  #telling = 0
  #timer: NodeJS.Timeout | null = null
  #isPolling = false
  #isClosed = false

  constructor(db: Database, log: FastifyBaseLogger, limits: StreamLimits = streamLimits) {
    this.#db = db
    this.#log = log
    this.#limits = limits
    this.#places = new StreamPlaces(db, log)
  }

  /** @throws Problem rate_limited, unavailable when there are too many */
  async open(who: ChatVisitor, cursor: VisitorCursor, ip: string): Promise<Readable> {
    this.#refuseTooMany()
    const id = randomUUIDv7()
    if (!(await this.#places.take(id, this.#sharesOf(who, addressBlock(ip)))))
      throw new Problem('rate_limited', { headers: { 'retry-after': '30' } })
    try {
      // Others have come meanwhile, or it is to stop.
      this.#refuseTooMany()
    } catch (error) {
      this.#places.leave(id)
      throw error
    }
    const now = Date.now()
    const stream: Stream = { who, id, cursor, out: new PassThrough(), startedAt: now, saidAt: now, isBusy: false }
    stream.out.on('error', () => {})
    stream.out.once('close', () => {
      this.#streams.delete(stream)
      this.#places.leave(id)
    })
    stream.out.write(`retry: ${retryMs}\n\n`)
    this.#streams.add(stream)
    // What is there already need not wait for the poll.
    this.#tell(stream)
    this.#timer ??= setInterval(() => void this.#poll(), this.#limits.pollMs)
    return stream.out
  }

  #refuseTooMany(): void {
    if (this.#isClosed || this.#streams.size >= this.#limits.totalMax)
      throw new Problem('unavailable', { detail: 'There are too many streams.', headers: { 'retry-after': '30' } })
  }

  #sharesOf({ known, visitor }: ChatVisitor, block: string): { subject: string; max: number }[] {
    const { perVisitorMax, perAddressMax, perChannelMax, perTenantMax } = this.#limits
    return [
      { subject: `visitor/${known.id}/${visitorAddresses(visitor)[0] ?? visitor.id}`, max: perVisitorMax },
      { subject: `address/${block}`, max: perAddressMax },
      { subject: `channel/${known.id}`, max: perChannelMax },
      { subject: `tenant/${known.tenant.tenantId}`, max: perTenantMax },
    ]
  }

  /** Ends them all: the service stops, and browsers come again elsewhere, where their places must be free. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stream of [...this.#streams]) this.#end(stream)
    await this.#places.close()
  }

  #end(stream: Stream): void {
    this.#streams.delete(stream)
    stream.out.end()
    if (this.#streams.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  /** One at a time: a database that is slow is not asked faster. */
  async #poll(): Promise<void> {
    this.#care()
    if (this.#isPolling) return
    this.#isPolling = true
    try {
      const byTenant = Map.groupBy(this.#streams, (one) => one.who.known.tenant.tenantId)
      for (const streams of byTenant.values()) await this.#look(streams)
    } catch (err) {
      this.#log.warn({ err }, 'the streams of visitors could not be looked after')
    } finally {
      this.#isPolling = false
    }
  }

  #care(): void {
    const now = Date.now()
    const { heartbeatMs, lifetimeMs, unreadBytesMax } = this.#limits
    for (const stream of [...this.#streams]) {
      if (stream.out.writableLength > unreadBytesMax) stream.out.destroy()
      else if (now - stream.startedAt > lifetimeMs && !stream.isBusy) this.#end(stream)
      else if (now - stream.saidAt > heartbeatMs) {
        stream.out.write(': here\n\n')
        stream.saidAt = now
      }
    }
    if (this.#streams.size === 0 && this.#timer) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  async #look(streams: readonly Stream[]): Promise<void> {
    const [first] = streams
    if (!first) return
    const channelIds = [...new Set(streams.map((one) => one.who.known.id))]
    const matches = [...new Set(streams.flatMap((one) => one.who.matches))]
    const { standing, heads } = await visitorHeads(this.#db, first.who.known.tenant, channelIds, matches)
    const byAddress = Map.groupBy(heads, (head) => `${head.channelId} ${head.match}`)
    for (const stream of streams) {
      const { known, matches: own } = stream.who
      // A channel that was changed, paused or given a new secret: whoever comes again is asked for their token.
      if (!standing.has(known.standing.join())) {
        if (!stream.isBusy) this.#end(stream)
        continue
      }
      const theirs = own.flatMap((match) => byAddress.get(`${known.id} ${match}`) ?? [])
      if (theirs.some((head) => head.sequence > (stream.cursor[head.conversationId] ?? 0))) this.#tell(stream)
    }
  }

  #tell(stream: Stream): void {
    if (stream.isBusy) return
    stream.isBusy = true
    this.#waiting.push(stream)
    this.#next()
  }

  #next(): void {
    if (this.#telling >= tellingMax) return
    const stream = this.#waiting.shift()
    if (!stream) return
    this.#telling++
    this.#batches(stream)
      .catch((error: unknown) => {
        if (error instanceof ChannelChanged) this.#end(stream)
        else this.#log.warn({ err: error }, 'a stream of a visitor could not go on')
      })
      .finally(() => {
        stream.isBusy = false
        this.#telling--
        this.#next()
      })
  }

  /** Batch after batch, until there is nothing new. */
  async #batches(stream: Stream): Promise<void> {
    for (let hasMore = true; hasMore && this.#streams.has(stream); ) {
      const told = await messagesAfter(this.#db, stream.who, stream.cursor, batchMax)
      if (!this.#streams.has(stream)) return
      for (const one of told.messages) {
        stream.cursor = after(stream.cursor, [one])
        stream.out.write(eventText(one, stream.cursor))
        stream.saidAt = Date.now()
      }
      const arrived = told.messages.filter((one) => one.isUndelivered).map((one) => one.message.id)
      await markDelivered(this.#db, stream.who, arrived)
      hasMore = told.hasMore
    }
  }
}

/** JSON holds no line ends, so that the data is one line. */
function eventText({ message }: ToldMessage, cursor: VisitorCursor): string {
  const kind = message.deletedAt !== null ? 'deleted' : message.editedAt !== null ? 'edited' : 'message'
  return `id: ${writeCursor(cursor)}\nevent: ${kind}\ndata: ${JSON.stringify(message)}\n\n`
}
