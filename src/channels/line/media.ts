import { type MediaDownload, MediaError } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { parseJson, textAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'
import { dataApiBaseUrl, type LineSettings } from './settings.ts'

/** The largest file that LINE lets people send. */
export const MEDIA_BYTES_MAX = 1024 * 1024 * 1024
const TIMEOUT_MS = 30_000
const ANSWER_BYTES_MAX = 64 * 1024

/**
 * A file that somebody sent: under its message's id with the token, or at the address of the app that sent it, without.
 * Videos and sounds are made ready first: until then the content answers 202, or an early 404, and the file is to be
 * asked for again. LINE deletes content after a while it does not tell. Source: LINE, Messaging API "Get content",
 * "Verify the preparation status of a video or audio for getting".
 * @throws MediaError
 */
export async function fetchLineMedia(ref: MediaRef, settings: LineSettings, http: HttpClient): Promise<MediaDownload> {
  const headers: Record<string, string> =
    ref.externalId === undefined ? {} : { authorization: `Bearer ${settings.channelAccessToken}` }
  const url =
    ref.externalId === undefined
      ? ref.url
      : `${dataApiBaseUrl(settings)}/v2/bot/message/${encodeURIComponent(ref.externalId)}/content`
  if (url === undefined) throw new MediaError('not_a_reference', false)
  const answer = await attempt(http.download({ url, headers, timeoutMs: TIMEOUT_MS, maxBytes: MEDIA_BYTES_MAX }))
  if (answer.status === 200) {
    const length = Number(answer.headers['content-length'] ?? Number.NaN)
    return {
      stream: answer.stream,
      mediaType: answer.headers['content-type'] ?? ref.mediaType ?? null,
      sizeBytes: Number.isSafeInteger(length) ? length : null,
      sha256: null,
    }
  }
  answer.stream.on('error', () => {}).destroy()
  throw (await isInPreparation(answer.status)) ? new MediaError('unavailable', true) : statusError(answer.status)

  async function isInPreparation(status: number): Promise<boolean> {
    if (status === 202) return true
    if (status !== 404 || ref.externalId === undefined || (ref.kind !== 'video' && ref.kind !== 'audio')) return false
    const state = await attempt(
      http.request({
        method: 'GET',
        url: `${url}/transcoding`,
        headers: { ...headers, accept: 'application/json' },
        timeoutMs: TIMEOUT_MS,
        maxBytes: ANSWER_BYTES_MAX,
      }),
    )
    return state.status === 200 && textAt(parseJson(state.body), 'status') === 'processing'
  }
}

async function attempt<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address' || error.code === 'too_large') throw new MediaError(error.code, false)
    throw new MediaError('unavailable', true)
  }
}

function statusError(status: number): MediaError {
  if (status === 401 || status === 403) return new MediaError('unauthorised', false)
  if (status === 400 || status === 404 || status === 410) return new MediaError('gone', false)
  return new MediaError('unavailable', true)
}
