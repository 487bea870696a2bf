import { type MediaDownload, MediaError } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'

const TIMEOUT_MS = 30_000

/**
 * Starts the download of a file of Meta's.
 * @param headers the token, where the address is one that needs and may have it
 * @throws MediaError
 */
export async function downloadFile(
  url: string | undefined,
  headers: Record<string, string>,
  maxBytes: number,
  http: HttpClient,
): Promise<MediaDownload> {
  if (url === undefined || !URL.canParse(url)) throw new MediaError('not_a_reference', false)
  const answer = await attempt(http.download({ url, headers, timeoutMs: TIMEOUT_MS, maxBytes }))
  if (answer.status !== 200) {
    answer.stream.on('error', () => {}).destroy()
    throw statusError(answer.status, headers.authorization !== undefined)
  }
  const length = Number(answer.headers['content-length'] ?? Number.NaN)
  return {
    stream: answer.stream,
    mediaType: answer.headers['content-type'] ?? null,
    sizeBytes: Number.isSafeInteger(length) ? length : null,
    sha256: null,
  }
}

/** @throws MediaError where the client fails */
export async function attempt<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof HttpClientError)) throw error
    if (error.code === 'blocked_address' || error.code === 'too_large') throw new MediaError(error.code, false)
    throw new MediaError('unavailable', true)
  }
}

/**
 * Meta answers 400 as well as 404 for media that is gone or was never ours. An address that carries its own signature
 * is refused (403) when it has expired: no token would help.
 */
export function statusError(status: number, withToken: boolean): MediaError {
  if (status === 401 || status === 403) return withToken ? new MediaError('unauthorised', false) : gone()
  if (status === 400 || status === 404 || status === 410) return gone()
  return new MediaError('unavailable', true)
}

const gone = (): MediaError => new MediaError('gone', false)
