import { type MediaDownload, MediaError } from '../channel.ts'
import type { HttpClient } from '../http-client.ts'
import { numberAt, parseJson, textAt } from '../json.ts'
import { attempt, downloadFile, statusError } from '../meta/media.ts'
import { apiBaseUrl } from '../meta/settings.ts'
import type { MediaRef } from '../neutral.ts'
import { hexDigest } from './message.ts'
import type { WhatsAppSettings } from './settings.ts'

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
  const found: Located = ref.externalId === undefined ? { url: ref.url } : await locate(ref.externalId)
  const host = found.url === undefined ? undefined : URL.parse(found.url)?.hostname
  const trusted = host !== undefined && (META_HOSTS.test(host) || host === new URL(base).hostname)
  const file = await downloadFile(found.url, trusted ? { authorization } : {}, MEDIA_BYTES_MAX, http)
  return {
    stream: file.stream,
    mediaType: found.mediaType ?? file.mediaType ?? ref.mediaType ?? null,
    sizeBytes: found.sizeBytes ?? file.sizeBytes,
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
    if (answer.status !== 200) throw statusError(answer.status, true)
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
