import { randomUUIDv7 } from 'node:crypto'

let lastMs = 0
let count = 0

/**
 * A UUIDv7 that is greater than all that this process has made before (RFC 9562 §6.2, method 1: the twelve bits behind
 * the milliseconds count). `randomUUIDv7` leaves to chance what was first within a millisecond; what is shown in the
 * order of its making needs to know.
 */
export function newId(): string {
  const now = Date.now()
  // A clock that was set back changes nothing: time stands still until it has come up again.
  if (now > lastMs) [lastMs, count] = [now, 0]
  else if (++count > 0xfff) [lastMs, count] = [lastMs + 1, 0]
  const stamp = lastMs.toString(16).padStart(12, '0')
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${count.toString(16).padStart(3, '0')}${randomUUIDv7().slice(18)}`
}
