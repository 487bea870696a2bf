import { type Grant, grantFaults } from '../../access/grant.ts'
import type { Models } from '../../access/model.ts'
import { Problem } from '../../errors.ts'

/**
 * Refuses grants that name what does not exist.
 * @throws Problem unprocessable, naming each place in `grants`
 */
export function refuseUnknown(grants: readonly Grant[], models: Models): void {
  const faults = grantFaults(grants, models)
  if (faults.length > 0)
    throw new Problem('unprocessable', {
      errors: faults.map(({ path, message }) => ({ path: `/grants${path}`, code: 'unknown_in_grant', message })),
    })
}
