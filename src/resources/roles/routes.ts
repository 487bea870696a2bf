import type { FastifyInstance } from 'fastify'
import type { Grant } from '../../access/grant.ts'
import { grantFaults } from '../../access/grant.ts'
import type { Models } from '../../access/model.ts'
import { Problem } from '../../errors.ts'
import { collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { policyChanged, refuseInUse } from './policy-version.ts'
import { roles } from './schema.ts'

export function roleRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: roles,
    searchable: true,
    ifMatchRequired: true,
    errors: { trash: ['in_use', 'unprocessable'] },
    create: ({ body }) => {
      checkGrants(body.grants, deps.db.models)
      return {}
    },
    change: async (change) => {
      refuseBuiltIn(change)
      if ('grants' in change.body) {
        checkGrants(change.body.grants, deps.db.models)
        await policyChanged(change.tx)
      }
      return {}
    },
    trash: async (change) => {
      refuseBuiltIn(change)
      await refuseInUse(change.tx, 'role_ids', change.id)
      await policyChanged(change.tx)
      return {}
    },
  })
}

/** A grant that names what does not exist is refused. */
function checkGrants(grants: unknown, models: Models): void {
  const faults = grantFaults(grants as Grant[], models)
  if (faults.length > 0)
    throw new Problem('unprocessable', {
      errors: faults.map(({ path, message }) => ({ path: `/grants${path}`, code: 'unknown_in_grant', message })),
    })
}

function refuseBuiltIn({ before }: Change): void {
  if (before?.clear.builtIn)
    throw new Problem('unprocessable', { detail: 'A built-in role follows the release; make a role of your own.' })
}
