import type { Answer } from '../../harness/service.ts'
import type { Ask } from '../house/http.ts'
import type { Question } from './questions.ts'

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g

/**
 * All that can be told from an answer: status, headers, order and body, byte by byte. Left out: the date and the
 * request's id. Of a cursor, which is sealed anew each time, its length counts.
 */
function plain(answer: Answer): string {
  const { date: _date, 'request-id': _id, ...headers } = answer.headers
  const text = answer.text
    .replace(/"requestId":"[^"]+"/, '"requestId":""')
    .replace(/"nextCursor":"([^"]+)"/, (_, cursor: string) => `"nextCursor":"${cursor.length} characters"`)
  return JSON.stringify([answer.status, headers, text])
}

/** What has come into being while the questions were asked has ids and times of its own; which is which stays told. */
export class Renamer {
  readonly #known: ReadonlySet<string>
  readonly #names = new Map<string, string>()
  readonly #from: string

  constructor(known: ReadonlySet<string>, from: Date) {
    this.#known = known
    this.#from = from.toISOString()
  }

  rename(text: string): string {
    return (
      text
        .replaceAll(uuid, (id) => {
          if (this.#known.has(id)) return id
          const name = this.#names.get(id) ?? `#${this.#names.size}`
          this.#names.set(id, name)
          return name
        })
        .replaceAll(/20\d\d-\d\d-\d\dT[\d:.]+Z/g, (time) => (time >= this.#from && time < '2030' ? 'now' : time))
        .replaceAll(/"etag":"\\"[^"]*\\""/g, '"etag":"…"')
        // A time may be shorter by a digit.
        .replaceAll(/"content-length":"\d+"/g, '"content-length":"…"')
        .replaceAll(/\d+ characters/g, '…')
    )
  }
}

/** Asks one question, with its second page where it has one. */
export async function told(ask: Ask, token: string, question: Question): Promise<string> {
  const { method, path, body, headers = {}, follow, withEtag } = question
  const more: Record<string, string> = { ...headers }
  if (withEtag) {
    const etag = (await ask(token, 'GET', path)).headers.etag
    if (etag) more[withEtag] = etag
  }
  const answer = await ask(token, method, path, body, more)
  const first = plain(answer)
  if (!follow || answer.status !== 200) return first
  const { nextCursor } = answer.body
  if (typeof nextCursor !== 'string') return first
  const next =
    method === 'GET'
      ? await ask(token, method, `${path}${path.includes('?') ? '&' : '?'}cursor=${nextCursor}`)
      : await ask(token, method, path, { ...(body as object), cursor: nextCursor })
  return `${first}\n${plain(next)}`
}
