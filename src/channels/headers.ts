/** Headers as the caller has them; names may be in any case. */
export type Headers = Record<string, string | undefined>

/** One header's value, trimmed; undefined when it is missing or empty. */
export function headerOf(headers: Headers, name: string): string | undefined {
  const wanted = name.toLowerCase()
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() === wanted && value !== undefined && value.trim() !== '') return value.trim()
  }
  return undefined
}

/** One day: no provider means more, and a wrong clock in an HTTP date could say years. */
const RETRY_AFTER_MS_MAX = 86_400_000

/** `Retry-After` (RFC 9110, 10.2.3: seconds or an HTTP date) in milliseconds from now. */
export function retryAfterMs(headers: Headers, nowMs: number = Date.now()): number | undefined {
  const value = headerOf(headers, 'retry-after')
  if (value === undefined) return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX)
}
