import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { emptyHash, type SigningKey, signedHeaders } from './aws-signature.ts'

/** A bucket of an S3-compatible service. */
export interface BucketSettings extends SigningKey {
  /** Of the bucket itself, without a slash at the end: `https://s3.eu-central-1.amazonaws.com/files`. */
  url: string
}

/** Every one of them can be repeated: an object is only ever written with the same bytes. */
export interface BucketCall {
  method: 'GET' | 'PUT' | 'DELETE'
  /** Of the object, within the bucket; '': the bucket. Needs no encoding. */
  key: string
  query?: Readonly<Record<string, string>>
  headers?: Readonly<Record<string, string>>
  body?: BucketBody
}

export interface BucketBody {
  /** The bytes from the beginning, for each attempt anew. */
  open(): Readable
  size: number
  /** Hex. The service refuses other bytes. */
  sha256: string
}

export interface BucketAnswer {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  /** To be read or destroyed. It fails when it ends early or falls silent. */
  body: Readable
}

/** What the bucket or the way to it said instead of an answer. Says nothing of what was asked. */
export class BucketFault extends Error {
  /** The service's own (`NoSuchKey`, `AccessDenied`), `http_<status>`, or what Node calls it (`ECONNREFUSED`). */
  readonly code: string
  /** It may be over in a moment. */
  readonly isPassing: boolean
  constructor(code: string, isPassing: boolean, cause?: unknown) {
    super(`the bucket does not do it: ${code}`, { cause })
    this.name = 'BucketFault'
    this.code = code
    this.isPassing = isPassing
  }
}

export interface BucketPatience {
  /** Until an answer begins once everything is sent, and the longest silence within it. */
  answerMs: number
  /** Before the second attempt, the third, … */
  delaysMs: readonly number[]
  /** After so long nothing is tried again: somebody waits. */
  wholeMs: number
}

const usualPatience: BucketPatience = { answerMs: 15_000, delaysMs: [200, 1_000], wholeMs: 15_000 }

/** A line that is slower than this is as good as none. */
const bytesPerMsMin = 64
const connectMs = 5_000
const faultBytesMax = 65_536
const passingCodes = new Set(['RequestTimeout', 'SlowDown', 'InternalError', 'ServiceUnavailable', 'OperationAborted'])

/**
 * Signed requests to one bucket, over kept-alive connections. The address is the operator's own, so it may be private
 * and without TLS.
 */
export class BucketClient {
  readonly #settings: BucketSettings
  readonly #patience: BucketPatience
  readonly #agent: Agent

  constructor(settings: BucketSettings, patience: BucketPatience = usualPatience) {
    this.#settings = settings
    this.#patience = patience
    const { answerMs } = patience
    this.#agent = new Agent({ connect: { timeout: connectMs }, headersTimeout: answerMs, bodyTimeout: answerMs })
  }

  /** Tries again what may be over in a moment. @throws BucketFault */
  async ask(call: BucketCall): Promise<BucketAnswer> {
    const { delaysMs, wholeMs } = this.#patience
    const startedAt = performance.now()
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#askOnce(call)
      } catch (error) {
        const delayMs = delaysMs[attempt]
        const isOver = delayMs === undefined || performance.now() - startedAt > wholeMs
        if (isOver || !(error instanceof BucketFault && error.isPassing)) throw error
        // Many wait at once when a bucket stumbles: they shall not all come back in the same moment.
        await sleep(delayMs * (0.5 + Math.random()))
      }
    }
  }

  /** Asks for something short, whole. @throws BucketFault */
  async text(call: BucketCall, bytesMax: number): Promise<string> {
    const { body } = await this.ask(call)
    try {
      return await read(body, bytesMax)
    } catch (error) {
      throw faultOf(error)
    }
  }

  async #askOnce({ method, key, query = {}, headers = {}, body }: BucketCall): Promise<BucketAnswer> {
    const url = new URL(key === '' ? this.#settings.url : `${this.#settings.url}/${key}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const bodyHash = body?.sha256 ?? emptyHash
    const signed = signedHeaders({ method, url, headers, bodyHash }, this.#settings, new Date())
    const length = body ? { 'content-length': String(body.size) } : {}
    const limit = new AbortController()
    const limitMs = connectMs + this.#patience.answerMs + (body?.size ?? 0) / bytesPerMsMin
    const timer = setTimeout(() => limit.abort(new BucketFault('timeout', true)), limitMs)
    const content = body?.open() ?? null
    try {
      const answer = await request(url, {
        method,
        headers: { ...signed, ...length },
        body: content,
        signal: limit.signal,
        dispatcher: this.#agent,
      })
      const { statusCode: status } = answer
      if (status >= 200 && status < 300) return { status, headers: answer.headers, body: answer.body }
      throw await refused(status, answer.body)
    } catch (error) {
      throw faultOf(error)
    } finally {
      clearTimeout(timer)
      content?.destroy()
    }
  }
}

async function refused(status: number, body: Readable): Promise<BucketFault> {
  const text = await read(body, faultBytesMax).catch(() => '')
  // Only the code: what stands beside it repeats what was asked for.
  const code = /<Code>([A-Za-z\d.]{1,64})<\/Code>/.exec(text)?.[1] ?? `http_${status}`
  return new BucketFault(code, status === 429 || status >= 500 || passingCodes.has(code))
}

/** A connection that failed may be back in a moment. */
export function faultOf(error: unknown): BucketFault {
  if (error instanceof BucketFault) return error
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'network'
  return new BucketFault(code, true, error)
}

async function read(body: Readable, bytesMax: number): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes > bytesMax) throw new BucketFault('answer_too_large', false)
  }
  return Buffer.concat(pieces).toString()
}
