import type { Credential, Principal } from '../access/principal.ts'
import { Problem } from '../errors.ts'
import type { Caller } from './plans.ts'
import { Again, Stale } from './transaction.ts'

/** Whoever sets up a tenant changes its policy many times at once; each change lets another one through. */
const attemptsMax = 12

/**
 * Runs something for a principal as it is now: where its standing has changed, it is read again and the caller's right
 * asked for once more.
 * @param load the principal of a credential; null: it is no longer good
 * @throws Problem unauthenticated, forbidden, unavailable when rights are changing too quickly
 */
export async function withFreshPrincipal<T>(
  caller: Caller,
  load: (credential: Credential) => Promise<Principal | null>,
  run: (principal: Principal, isAgain: boolean) => Promise<T>,
): Promise<T> {
  let isAgain = false
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    try {
      return await run(caller.principal, isAgain)
    } catch (error) {
      isAgain = error instanceof Again
      if (isAgain) continue
      if (!(error instanceof Stale)) throw error
      const renewed = caller.principal.credential ? await load(caller.principal.credential) : null
      if (!renewed) throw new Problem('unauthenticated')
      caller.principal = renewed
      if (caller.needs && !renewed.ability.may(caller.needs.action, caller.needs.resource))
        throw new Problem('forbidden')
    }
  }
  throw new Problem('unavailable', { detail: 'Rights are changing too quickly.', headers: { 'retry-after': '1' } })
}
