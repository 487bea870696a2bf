import type { Readable } from 'node:stream'
import { headerOf, retryAfterMs } from '../headers.ts'
import type { HttpClient } from '../http-client.ts'
import { at, type JsonObject, type JsonValue, numberAt, parseJson, textAt } from '../json.ts'
import { methodUrl, type TelegramSettings } from './settings.ts'

const TIMEOUT_MS = 20_000
const ANSWER_BYTES_MAX = 512 * 1024

/**
 * What a method answered: `{ok: true, result}` or `{ok: false, error_code, description, parameters?}`.
 * Source: Telegram, Bot API "Making requests".
 */
export type BotAnswer =
  | { ok: true; result: JsonValue }
  | {
      ok: false
      status: number
      /** Telegram's sentence; empty where something else answered in its place. */
      description: string
      retryAfterMs?: number
      /** The group's id now, where it became a supergroup. */
      migratedTo?: string
    }

/** A body that is not JSON: a form with a file. */
export interface Form {
  headers: Record<string, string>
  body: Readable
  timeoutMs: number
}

/** Calls a method of the Bot API. @throws HttpClientError */
export async function callBot(
  http: HttpClient,
  settings: TelegramSettings,
  method: string,
  what: { json: JsonObject } | { form: Form },
): Promise<BotAnswer> {
  const { status, headers, body } = await http.request({
    method: 'POST',
    url: methodUrl(settings, method),
    ...('json' in what
      ? {
          headers: { 'content-type': 'application/json', accept: 'application/json' },
          body: JSON.stringify(what.json),
          timeoutMs: TIMEOUT_MS,
        }
      : {
          headers: { ...what.form.headers, accept: 'application/json' },
          body: what.form.body,
          timeoutMs: what.form.timeoutMs,
        }),
    maxBytes: ANSWER_BYTES_MAX,
  })
  const answer = parseJson(body)
  if (at(answer, 'ok') === true && status >= 200 && status < 300)
    return { ok: true, result: at(answer, 'result') ?? null }
  const seconds = numberAt(answer, 'parameters', 'retry_after')
  const afterMs = seconds === undefined ? waitOf(headers) : Math.max(0, seconds) * 1000
  const migratedTo = textAt(answer, 'parameters', 'migrate_to_chat_id')
  return {
    ok: false,
    // A success that is not Telegram's (a portal, a proxy's page) tells nothing.
    status: numberAt(answer, 'error_code') ?? (status >= 200 && status < 300 ? 502 : status),
    description: textAt(answer, 'description') ?? '',
    ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }),
    ...(migratedTo === undefined ? {} : { migratedTo }),
  }
}

function waitOf(headers: Record<string, string>): number | undefined {
  return headerOf(headers, 'retry-after') === undefined ? undefined : retryAfterMs(headers)
}
