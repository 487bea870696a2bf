import type { JsonValue } from './json.ts'

/** Seconds until about the year 5138 are below, milliseconds since 1973 are above. */
const SECONDS_BELOW = 1e11
const MILLISECONDS_BELOW = 1e14

const ISO = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)\s?(Z|[+-]\d{2}:?\d{2})?)?$/i

/**
 * A provider's time: seconds, milliseconds or microseconds since 1970, as number or text, or ISO 8601.
 * ISO without an offset is read as UTC, never as this machine's zone.
 * @returns null for anything else, and for 0, which providers send for "none"
 */
export function timeOf(value: JsonValue | undefined): Date | null {
  if (typeof value === 'number') return fromNumber(value)
  if (typeof value !== 'string') return null
  const text = value.trim()
  if (/^\d{1,17}(\.\d+)?$/.test(text)) return fromNumber(Number(text))
  const match = ISO.exec(text)
  if (match === null) return null
  const [, date, time = '00:00', zone = 'Z'] = match
  const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()
  return valid(new Date(`${date}T${time.replace(',', '.')}${offset}`))
}

function fromNumber(value: number): Date | null {
  if (!Number.isFinite(value) || value <= 0) return null
  if (value < SECONDS_BELOW) return valid(new Date(value * 1000))
  if (value < MILLISECONDS_BELOW) return valid(new Date(value))
  return valid(new Date(value / 1000))
}

/** Four-digit years only: beyond them, time columns and RFC 3339 disagree. */
function valid(date: Date): Date | null {
  const time = date.getTime()
  return Number.isNaN(time) || time < 0 || date.getUTCFullYear() > 9999 ? null : date
}
