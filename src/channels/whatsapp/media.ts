import { type MediaDownload, MediaError } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { numberAt, parseJson, textAt } from '../json.ts'
import type { MediaRef } from '../neutral.ts'
import { hexDigest } from './message.ts'
import { apiBaseUrl, type WhatsAppSettings } from './settings.ts'

/** The largest file that WhatsApp carries (a document). */
export const MEDIA_BYTES_MAX = 100 * 1024 * 1024
const TIMEOUT_MS = 30_000
const ANSWER_BYTES_MAX = 64 * 1024

/** Where Meta keeps media; the token goes nowhere else, whatever URL an answer or a webhook names. */
const META_HOSTS = /(^|\.)(fbsbx\.com|facebook\.com|fbcdn\.net|whatsapp\.net)$/

/**
 * Two steps: the media id gives a URL that lives minutes, the URL gives the bytes; both need the token.
 * The URL in a webhook is used only where there is no id, since it will have expired.
 * @throws MediaError
 */
export async function fetchWhatsAppMedia(
  ref: MediaRef,
  settings: WhatsAppSettings,
  http: HttpClient,
): Promise<MediaDownload> {
  const authorization = `Bearer ${settings.accessToken}`
  const base = apiBaseUrl(settings)
  const found = ref.externalId === undefined ? { url: ref.url } : await locate(ref.externalId)
  if (found.url === undefined || !URL.canParse(found.url)) throw new MediaError('not_a_reference', false)
  const host = new URL(found.url).hostname
  const trusted = META_HOSTS.test(host) || host === new URL(base).hostname
  const answer = await attempt(
    http.download({
      url: found.url,
      headers: trusted ? { authorization } : {},
      timeoutMs: TIMEOUT_MS,
      maxBytes: MEDIA_BYTES_MAX,
    }),
  )
  if (answer.status !== 200) {
    answer.stream.on('error', () => {}).destroy()
    throw statusError(answer.status)
  }
  const length = Number(answer.headers['content-length'] ?? Number.NaN)
  return {
    stream: answer.stream,
    mediaType: found.mediaType ?? answer.headers['content-type'] ?? ref.mediaType ?? null,
    sizeBytes: found.sizeBytes ?? (Number.isSafeInteger(length) ? length : null),
    sha256: found.sha256 ?? ref.sha256 ?? null,
  }

  async function locate(id: string): Promise<Located> {
    const answer = await attempt(
      http.request({
        method: 'GET',
        url: `${base}/${encodeURIComponent(id)}?phone_number_id=${encodeURIComponent(settings.phoneNumberId)}`,
        headers: { authorization, accept: 'application/json' },
        timeoutMs: TIMEOUT_MS,
        maxBytes: ANSWER_BYTES_MAX,
      }),
    )
    if (answer.status !== 200) throw statusError(answer.status)
    const body = parseJson(answer.body)
    const url = textAt(body, 'url')
    if (url === undefined) throw new MediaError('unavailable', true)
    return {
      url,
      mediaType: textAt(body, 'mime_type'),
      sizeBytes: numberAt(body, 'file_size'),
      sha256: hexDigest(textAt(body, 'sha256')),
    }
  }
}

interface Located {
  url: string | undefined
  mediaType?: string | undefined
  sizeBytes?: number | undefined
  sha256?: string | undefined
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

/** Meta answers 400 as well as 404 for media that is gone or was never ours. */
function statusError(status: number): MediaError {
  if (status === 401 || status === 403) return new MediaError('unauthorised', false)
  if (status === 400 || status === 404 || status === 410) return new MediaError('gone', false)
  return new MediaError('unavailable', true)
}
