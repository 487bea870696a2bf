const written = /^(\d{4,}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)$/

/**
 * A time as RFC 3339 in UTC with six digits, from the form that PostgreSQL writes ("2026-11-22 15:04:05.12+00"): a
 * JavaScript date would lose the last three.
 * @throws {RangeError} for what is no such time
 */
export function microseconds(text: string): string {
  const [, day, time, fraction = '', sign, hours, minutes = '00'] = written.exec(text) ?? []
  if (day === undefined) throw new RangeError('not a time of an event')
  const digits = fraction.padEnd(6, '0')
  if (sign === undefined || (hours === '00' && minutes === '00')) return `${day}T${time}.${digits}Z`
  const utc = new Date(`${day}T${time}${sign}${hours}:${minutes}`).toISOString()
  return `${utc.slice(0, 19)}.${digits}Z`
}

/** Whether two texts are the same time; one that is no time at all is the same as none. */
export function isSameTime(one: string, other: string): boolean {
  try {
    return microseconds(one) === microseconds(other)
  } catch {
    return false
  }
}
