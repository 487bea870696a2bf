import type { Principal } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import type { Meta } from './audit-event.ts'

/**
 * A purpose is one word, as the company keeps a list of them. It stands in the audit in clear and outlives everybody: in
 * whole sentences, people would write names there.
 */
export const purposeForm = /^[a-z0-9_.-]{1,64}$/

/** What a request is for: its own word, else the usual one of whoever asks. */
export const purposeOf = (principal: Principal, meta: Meta): string | null => meta.purpose ?? principal.purpose

/** Whether a request must be refused should it touch certain resources: its tenant demands a purpose, and there is none. */
export function lacksPurpose(principal: Principal, meta: Meta): boolean {
  return principal.purposeRequiredFor.size > 0 && purposeOf(principal, meta) === null
}

/**
 * Nobody looks at these resources, or touches them, without saying what for. Asked with every attempt of a read or a
 * change, about all that it answers, so that what is included counts too.
 * @throws Problem purpose_required
 */
export function demandPurpose(principal: Principal, meta: Meta, resources: Iterable<string | null>): void {
  if (!lacksPurpose(principal, meta)) return
  const wanting = [...new Set(resources)].filter((name) => name !== null && principal.purposeRequiredFor.has(name))
  if (wanting.length > 0)
    throw new Problem('purpose_required', {
      detail: `Name the purpose in X-Purpose: it is about ${wanting.join(', ')}.`,
    })
}
