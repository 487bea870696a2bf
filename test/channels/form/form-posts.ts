import type { Post } from '../../../src/channels/channel.ts'
import { form } from '../../../src/channels/form/index.ts'
import { parseForm } from '../../../src/channels/form/parse.ts'
import type { FormSettings } from '../../../src/channels/form/settings.ts'
import { parseJson } from '../../../src/channels/json.ts'
import { keptBuffer } from '../../../src/channels/kept-blob.ts'
import type { MessageEvent } from '../../../src/channels/neutral.ts'

export const html: FormSettings = { kind: 'html' }
export const at = new Date('2026-03-01T12:00:00.000Z')

export function pagePost(
  fields: Record<string, string> | [string, string][],
  headers: Record<string, string> = {},
): Post {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    query: {},
    rawBody: Buffer.from(new URLSearchParams(fields).toString()),
    receivedAt: at,
  }
}

export function jsonPost(body: unknown, headers: Record<string, string> = {}): Post {
  const rawBody = Buffer.from(JSON.stringify(body))
  return { headers: { 'content-type': 'application/json', ...headers }, query: {}, rawBody, receivedAt: at }
}

export function eventOf(post: Post, settings: FormSettings) {
  const split = form.split(post, settings)
  if ('malformed' in split) throw new Error(split.malformed)
  const [event] = split.events
  if (!event) throw new Error('no event')
  // As it is stored and read back.
  const payload = parseJson(Buffer.from(JSON.stringify(event.payload)))
  if (payload === undefined) throw new Error('not storable')
  return { ...event, payload }
}

/** With its blob, as it is read back. */
export function keptEvent(post: Post) {
  const { blob, ...event } = eventOf(post, html)
  return { ...event, ...(blob ? { kept: keptBuffer(blob) } : {}) }
}

export const parsed = (post: Post, settings: FormSettings = html) => parseForm(eventOf(post, settings), { settings })

export function message(post: Post, settings: FormSettings = html): MessageEvent {
  const result = parsed(post, settings)
  const one = result.outcome === 'events' ? result.events[0] : undefined
  if (one?.type !== 'message') throw new Error(JSON.stringify(result))
  return one
}
