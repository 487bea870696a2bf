import type { FastifyInstance } from 'fastify'
import { Problem } from '../../errors.ts'
import { collection } from '../../http/collection.ts'
import type { Deps } from '../../http/records.ts'
import { policyChanged, refuseInUse } from '../roles/policy-version.ts'
import { businessUnits } from './schema.ts'

export function businessUnitRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: businessUnits,
    searchable: true,
    errors: { trash: ['in_use'] },
    create: async ({ tx, body }) => {
      // One region today: a unit cannot live where there is no database.
      if (body.region !== undefined && body.region !== tx.principal.region)
        throw new Problem('unprocessable', {
          errors: [
            { path: '/region', code: 'unknown_region', message: `There is one region here: ${tx.principal.region}.` },
          ],
        })
      await policyChanged(tx)
      return { region: tx.principal.region }
    },
    trash: async ({ tx, id, before }) => {
      if (before?.clear.isDefault) throw new Problem('in_use', { detail: 'The tenant’s first business unit stays.' })
      await refuseInUse(tx, 'business_unit_ids', id)
      await policyChanged(tx)
      return {}
    },
  })
}
