import { createHmac } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import type { Answer, TestService } from '../../harness/service.ts'

export const origin = 'https://www.example.com'
export const signingSecret = 'a-signing-secret-of-tests'

export async function chatChannel(
  { request }: TestService,
  settings: Record<string, unknown> = {},
  token?: string,
): Promise<string> {
  const body = { type: 'webchat', name: 'Chat', settings: { signingSecret, allowedOrigins: [origin], ...settings } }
  const made = await request('POST', '/v1/channels', { body, ...(token ? { token } : {}) })
  if (made.status !== 201) throw new Error(made.text)
  return made.id
}

export const userHash = (userId: string, secret = signingSecret): string =>
  createHmac('sha256', secret).update(userId).digest('hex')

/** A page with a chat. */
export class Page {
  readonly #ask: TestService['request']
  readonly base: string
  token: string | null = null
  visitorId = ''

  constructor(ask: TestService['request'], channelId: string) {
    this.#ask = ask
    this.base = `/v1/webchat/${channelId}`
  }

  async open(body: Record<string, unknown> = {}): Promise<Answer> {
    const headers = { origin }
    const answer = await this.#ask('POST', `${this.base}/sessions`, { token: null, body, headers })
    if (answer.status === 201) {
      this.token = answer.string('visitorToken')
      this.visitorId = answer.string('visitorId')
    }
    return answer
  }

  async ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask(method, `${this.base}${path}`, {
      token: this.token,
      ...(body === undefined ? {} : { body }),
      headers: { origin, ...headers },
    })
  }

  async say(id: string, text: string, attachments?: string[]): Promise<Answer> {
    return this.ask('POST', '/messages', { id, text, ...(attachments ? { attachments } : {}) })
  }

  async messages(after?: string): Promise<Answer> {
    return this.ask('GET', `/messages${after === undefined ? '' : `?after=${encodeURIComponent(after)}`}`)
  }

  /** The texts of the conversation, oldest first. */
  async texts(): Promise<unknown[]> {
    return (await this.messages()).data.map((one) => one.text)
  }
}

export interface ServerEvent {
  id: string
  event: string
  data: Record<string, unknown>
}

/** What a browser's EventSource does, over a real connection. */
export function listen(
  url: string,
  base: string,
  { token, lastEventId, address }: { token: string | null; lastEventId?: string; address?: string },
): { events: ServerEvent[]; status: Promise<number>; ended: Promise<void>; close(): void } {
  const events: ServerEvent[] = []
  let pending = ''
  const status = Promise.withResolvers<number>()
  const ended = Promise.withResolvers<void>()
  const request = httpRequest(
    `${url}${base}/events`,
    {
      headers: {
        accept: 'text/event-stream',
        origin,
        authorization: `Bearer ${token}`,
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        // As the proxy in front says, which the service is told to believe.
        ...(address === undefined ? {} : { 'x-forwarded-for': address }),
      },
    },
    (response) => {
      status.resolve(response.statusCode ?? 0)
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        pending += text
        const parts = pending.split('\n\n')
        pending = parts.pop() ?? ''
        for (const part of parts) {
          const fields = new Map(
            part.split('\n').map((line): [string, string] => {
              const colon = line.indexOf(': ')
              return [line.slice(0, colon), line.slice(colon + 2)]
            }),
          )
          const data = fields.get('data')
          if (data !== undefined)
            events.push({ id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) })
        }
      })
      response.on('close', () => ended.resolve())
      response.on('error', () => ended.resolve())
    },
  )
  request.on('error', (error) => {
    status.reject(error)
    ended.resolve()
  })
  status.promise.catch(() => {})
  request.end()
  return { events, status: status.promise, ended: ended.promise, close: () => request.destroy() }
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`it did not come to: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
