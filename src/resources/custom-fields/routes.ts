import type { FastifyInstance } from 'fastify'
import { collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { policyChanged } from '../roles/policy-version.ts'
import { checkCap } from './cap.ts'
import { forgetField } from './forget.ts'
import { checkDefinition } from './rules.ts'
import { customFields } from './schema.ts'

/** What abilities and statements are made of: a change of these counts at the next request of anybody. */
const inPolicy = ['format', 'classification']

export function customFieldRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: customFields,
    searchable: true,
    errors: { restore: ['unprocessable'] },
    create: async ({ tx, after }) => {
      checkDefinition(after)
      await policyChanged(tx)
      await checkCap(tx, String(after.resource), 1, '/resource')
      return {}
    },
    change: async ({ tx, body, after }) => {
      checkDefinition(after)
      if (inPolicy.some((name) => name in body)) await policyChanged(tx)
      return {}
    },
    trash: async (change) => {
      const { resource, key } = change.before?.clear ?? {}
      await forgetField(change.tx, String(resource), `customFields.${String(key)}`)
      return {}
    },
    restore: restored,
  })
}

/** The field comes back with its values; the grants that named it have been taken away and stay so. */
async function restored({ tx, before }: Change): Promise<Record<string, unknown>> {
  await policyChanged(tx)
  await checkCap(tx, String(before?.clear.resource), 1, '/resource')
  return {}
}
