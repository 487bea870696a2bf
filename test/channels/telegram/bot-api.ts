import type { ServerResponse } from 'node:http'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import type { TelegramSettings } from '../../../src/channels/telegram/settings.ts'
import { json, localServer, type Seen } from '../local-server.ts'
import { settings } from './fixtures.ts'

/** A call of a method, as the Bot API understood it. */
export interface Call {
  method: string
  /** of a form: its fields, objects parsed; a file as `{fileName, type, size}` */
  body: Record<string, unknown>
}

export type Said = (call: Call, response: ServerResponse, count: number) => void

export const ok = (response: ServerResponse, result: unknown): void => json(response, 200, { ok: true, result })
export const refuse = (
  response: ServerResponse,
  error_code: number,
  description: string,
  parameters?: Record<string, unknown>,
): void => json(response, error_code, { ok: false, error_code, description, ...(parameters ? { parameters } : {}) })

/** Telegram's API on a local port: the token in the path, JSON or forms, its own way of saying no. */
export async function botApi(t: Pick<typeof import('tap').t, 'teardown'>, said: Said) {
  const calls: Call[] = []
  const others: Seen[] = []
  const server = await localServer((seen, response) => void answer(seen, response))
  async function answer(seen: Seen, response: ServerResponse): Promise<void> {
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(seen.path) ?? []
    if (token === undefined || method === undefined) {
      others.push(seen)
      if (seen.path.startsWith(`/file/bot${settings.botToken}/`))
        response.writeHead(200, { 'content-type': 'application/octet-stream' }).end('bytes')
      else json(response, 404, { ok: false, error_code: 404, description: 'Not Found' })
      return
    }
    if (token !== settings.botToken) return refuse(response, 401, 'Unauthorized')
    const call = { method, body: await bodyOf(seen) }
    calls.push(call)
    said(call, response, calls.length)
  }
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  const own: TelegramSettings = { ...settings, apiBaseUrl: `${server.url}/` }
  return { calls, others, http, own, url: server.url }
}

async function bodyOf({ headers, body, bytes }: Seen): Promise<Record<string, unknown>> {
  const type = headers['content-type'] ?? ''
  if (type === 'application/json') return JSON.parse(body)
  if (Number(headers['content-length']) !== bytes.length) throw new Error('the length was not as announced')
  const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData()
  return Object.fromEntries(
    [...form].map(([name, value]) => [
      name,
      typeof value === 'string' ? fieldOf(value) : { fileName: value.name, type: value.type, size: value.size },
    ]),
  )
}

function fieldOf(value: string): unknown {
  return value.startsWith('{') || value.startsWith('[') ? JSON.parse(value) : value
}
