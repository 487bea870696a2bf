import type { OutboundFile, SendResult } from '../channel.ts'
import { retryAfterMs } from '../headers.ts'
import { type HttpClient, HttpClientError, type HttpResponse } from '../http-client.ts'
import { at, type JsonValue, numberAt, parseJson, textAt } from '../json.ts'
import { multipartForm } from '../multipart.ts'
import { classOf, type ErrorTable, pausesAccount, retryDelayMs } from './errors.ts'

/** Where the Graph API is, and as whom it is called. The token travels in a header, never in an address. */
export interface GraphApi {
  /** without a trailing slash */
  baseUrl: string
  accessToken: string
  errors: ErrorTable
}

export type Failure = Exclude<SendResult, { outcome: 'sent' }>

/** Both together are shorter than a message is left to its sender: see `leaseSeconds`. */
const SEND_TIMEOUT_MS = 20_000
const UPLOAD_TIMEOUT_MS = 25_000
const ANSWER_BYTES_MAX = 256 * 1024

/**
 * Posts one message. None of Meta's products has an idempotency key: once the request may have arrived and
 * no answer tells, the outcome is `unknown`.
 * @param sentOf what the answer of a success says; undefined where it lacks the message's id
 */
export async function postMessage(
  api: GraphApi,
  path: string,
  body: unknown,
  http: HttpClient,
  sentOf: (answer: JsonValue) => Extract<SendResult, { outcome: 'sent' }> | undefined,
): Promise<SendResult> {
  let response: HttpResponse
  try {
    response = await http.request({
      method: 'POST',
      url: `${api.baseUrl}/${path}`,
      headers: { ...headersOf(api), 'content-type': 'application/json' },
      body: JSON.stringify(body),
      timeoutMs: SEND_TIMEOUT_MS,
      maxBytes: ANSWER_BYTES_MAX,
    })
  } catch (error) {
    return unanswered(error)
  }
  const answer = answerOf(response, api)
  if ('outcome' in answer) return answer
  return sentOf(answer.body) ?? { outcome: 'unknown', reason: 'no_message_id' }
}

/**
 * Uploads a file that a message will name. As long as no message names it nobody has got anything, so that every doubt
 * is a `retry`.
 * @param idKey the member of the answer that holds the file's id
 */
export async function uploadFile(
  api: GraphApi,
  path: string,
  form: { fields: Record<string, string>; fileField: string; file: OutboundFile },
  idKey: string,
  http: HttpClient,
): Promise<{ id: string } | Failure> {
  const { file, fields, fileField } = form
  const fileName = file.fileName ?? 'file'
  const { headers, body } = multipartForm(fields, [
    { name: fileField, fileName, mediaType: file.mediaType, sizeBytes: file.sizeBytes, open: () => file.open() },
  ])
  try {
    const response = await http.request({
      method: 'POST',
      url: `${api.baseUrl}/${path}`,
      headers: { ...headersOf(api), ...headers },
      body,
      timeoutMs: UPLOAD_TIMEOUT_MS,
      maxBytes: ANSWER_BYTES_MAX,
    })
    const answer = answerOf(response, api)
    if ('outcome' in answer) return unsent(answer)
    const id = textAt(answer.body, idKey)
    return id === undefined ? retry('upload_without_id', undefined) : { id }
  } catch (error) {
    return unsent(unanswered(error))
  }
}

const unsent = (failure: Failure): Failure =>
  failure.outcome === 'unknown' ? retry(`upload_${failure.reason}`, undefined) : failure

/**
 * Reads something about somebody.
 * @returns undefined where the provider does not say
 * @throws HttpClientError where asking again later may help
 */
export async function readGraph(api: GraphApi, path: string, http: HttpClient): Promise<JsonValue | undefined> {
  const response = await http.request({
    method: 'GET',
    url: `${api.baseUrl}/${path}`,
    headers: headersOf(api),
    timeoutMs: SEND_TIMEOUT_MS,
    maxBytes: ANSWER_BYTES_MAX,
  })
  const answer = answerOf(response, api)
  if (!('outcome' in answer)) return answer.body
  if (answer.outcome === 'failed') return undefined
  throw new HttpClientError('network', true, `the Graph API answered ${response.status}`)
}

function headersOf(api: GraphApi): Record<string, string> {
  return { authorization: `Bearer ${api.accessToken}`, accept: 'application/json' }
}

function unanswered(error: unknown): Failure {
  if (!(error instanceof HttpClientError)) throw error
  if (error.code === 'blocked_address') return failed('blocked_address', 'apiBaseUrl is not a public https address')
  return error.requestSent ? { outcome: 'unknown', reason: error.code } : retry(error.code, undefined)
}

function answerOf(response: HttpResponse, api: GraphApi): { body: JsonValue } | Failure {
  const body = parseJson(response.body) ?? null
  const error = at(body, 'error')
  if (error !== undefined) return errorResult(error, response, api.errors)
  return response.status >= 200 && response.status < 300 ? { body } : statusResult(response)
}

/** An error in Meta's own words says that the message was not taken. */
function errorResult(error: JsonValue, response: HttpResponse, table: ErrorTable): Failure {
  const code = numberAt(error, 'code')
  if (code === undefined) return statusResult(response)
  const failure = classOf(table, code, numberAt(error, 'error_subcode'))
  if (failure === 'transient' || at(error, 'is_transient') === true)
    return retry(String(code), retryAfterMs(response.headers) ?? retryDelayMs(code), pausesAccount(code))
  const details = textAt(error, 'error_data', 'details') ?? textAt(error, 'message') ?? 'the provider gave no reason'
  return { outcome: 'failed', code: String(code), message: details, class: failure }
}

/** Without such words the status decides; who broke down (500) or lost the answer (502, 504) may have sent it first. */
function statusResult(response: HttpResponse): Failure {
  const { status } = response
  if (status >= 500 && status !== 503) return { outcome: 'unknown', reason: `http_${status}` }
  if (status === 408 || status === 429 || status === 503) {
    const afterMs = retryAfterMs(response.headers)
    return retry(`http_${status}`, afterMs, status === 429 || (status === 503 && afterMs !== undefined))
  }
  if (status === 401 || status === 403)
    return {
      outcome: 'failed',
      code: `http_${status}`,
      message: 'the provider refused the token',
      class: 'reauthorise',
    }
  return failed(`http_${status}`, 'the provider refused the message')
}

function retry(reason: string, afterMs: number | undefined, isOfAccount = false): Failure {
  return {
    outcome: 'retry',
    reason,
    ...(afterMs === undefined ? {} : { retryAfterMs: afterMs }),
    ...(isOfAccount ? { pauses: 'account' as const } : {}),
  }
}

/** What we know beforehand that the provider would refuse. */
export function failed(code: string, message: string): Failure {
  return { outcome: 'failed', code, message, class: 'permanent' }
}
