import type { FastifyInstance } from 'fastify'
import type { Principal } from '../../access/principal.ts'
import { Problem } from '../../errors.ts'
import { collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { refuseUnknown } from './drafts.ts'
import { checkWritten } from './giving.ts'
import { policyChanged, policyChangedHere, policyKept, refuseInUse } from './policy-version.ts'
import { grantsSchema, roles } from './schema.ts'
import { simulateRoute } from './simulate.ts'

export function roleRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: roles,
    searchable: true,
    ifMatchRequired: true,
    errors: { trash: ['in_use', 'unprocessable'] },
    create: async ({ tx, body }) => {
      checkGrants(tx.principal, body.grants)
      await policyKept(tx)
      return {}
    },
    change: async (change) => {
      refuseBuiltIn(change)
      if ('grants' in change.body) {
        checkGrants(change.tx.principal, change.body.grants)
        await policyChangedHere(change.tx)
      }
      return {}
    },
    trash: async (change) => {
      refuseBuiltIn(change)
      await refuseInUse(change.tx, 'role_ids', change.id)
      await policyChanged(change.tx)
      return {}
    },
    restore: async ({ tx, before }) => {
      // Whoever has it has its rights again.
      checkWritten(tx.principal, grantsSchema.parse(before?.clear.grants))
      await policyChanged(tx)
      return {}
    },
  })
  simulateRoute(app, deps)
}

/** A grant that names what does not exist is refused, and one that gives what its author does not have. */
function checkGrants(principal: Principal, json: unknown): void {
  const grants = grantsSchema.parse(json)
  refuseUnknown(grants, principal.ability.models)
  checkWritten(principal, grants)
}

function refuseBuiltIn({ before }: Change): void {
  if (before?.clear.builtIn)
    throw new Problem('unprocessable', { detail: 'A built-in role follows the release; make a role of your own.' })
}
