import { type MediaDownload, MediaError } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { numberAt, textAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'
import { callBot } from './api.ts'
import { fileUrl, type TelegramSettings } from './settings.ts'

/** What `getFile` gives out. */
export const MEDIA_BYTES_MAX = 20 * 1024 * 1024
const TIMEOUT_MS = 30_000

/**
 * Two steps: `getFile` gives a path, which is good for an hour; the path gives the bytes. The address of the second holds
 * the bot's token: it stays in here, and errors tell no address.
 * @throws MediaError
 */
export async function fetchTelegramMedia(
  ref: MediaRef,
  settings: TelegramSettings,
  http: HttpClient,
): Promise<MediaDownload> {
  if (ref.externalId === undefined) throw new MediaError('not_a_reference', false)
  if ((ref.sizeBytes ?? 0) > MEDIA_BYTES_MAX) throw new MediaError('too_large', false)
  const answer = await attempt(callBot(http, settings, 'getFile', { json: { file_id: ref.externalId } }))
  if (!answer.ok) throw errorOf(answer.status, answer.description)
  const path = textAt(answer.result, 'file_path')
  // A Bot API server of one's own may give a path on its own disk, which is no address.
  if (path === undefined || path.startsWith('/') || path.split('/').includes('..'))
    throw new MediaError('unavailable', path === undefined)
  const sizeBytes = numberAt(answer.result, 'file_size')
  if ((sizeBytes ?? 0) > MEDIA_BYTES_MAX) throw new MediaError('too_large', false)
  const { status, headers, stream } = await attempt(
    http.download({ url: fileUrl(settings, path), headers: {}, timeoutMs: TIMEOUT_MS, maxBytes: MEDIA_BYTES_MAX }),
  )
  if (status !== 200) {
    stream.on('error', () => {}).destroy()
    throw errorOf(status, '')
  }
  const length = Number(headers['content-length'] ?? Number.NaN)
  // Telegram serves everything as application/octet-stream: what the message said is nearer.
  const served = headers['content-type']
  return {
    stream,
    mediaType: ref.mediaType ?? (served === 'application/octet-stream' ? null : (served ?? null)),
    sizeBytes: sizeBytes ?? (Number.isSafeInteger(length) ? length : null),
    sha256: null,
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

/** 404 is said of a path that has expired, and by a method of a token that is not good. */
function errorOf(status: number, description: string): MediaError {
  if (/file is too big/i.test(description)) return new MediaError('too_large', false)
  if (/temporarily unavailable/i.test(description)) return new MediaError('unavailable', true)
  if (status === 401 || status === 403) return new MediaError('unauthorised', false)
  if (status === 404) return description === '' ? new MediaError('gone', false) : new MediaError('unauthorised', false)
  return status === 400 || status === 410 ? new MediaError('gone', false) : new MediaError('unavailable', true)
}
