import type { FastifyInstance } from 'fastify'
import { collection } from '../../http/collection.ts'
import type { Deps } from '../../http/records.ts'
import { policyChanged, refuseInUse } from '../roles/policy-version.ts'
import { teams } from './schema.ts'

export function teamRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: teams,
    searchable: true,
    errors: { trash: ['in_use'] },
    change: async ({ tx, body }) => {
      if ('countries' in body) await policyChanged(tx)
      return {}
    },
    trash: async ({ tx, id }) => {
      await refuseInUse(tx, 'team_ids', id)
      await policyChanged(tx)
      return {}
    },
  })
}
