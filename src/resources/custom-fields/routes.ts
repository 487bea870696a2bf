import type { FastifyInstance } from 'fastify'
import { collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { checkHeld } from '../roles/giving.ts'
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
    change: async (change) => {
      const { tx, body, after } = change
      checkDefinition(after)
      checkOpened(change)
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

const isClosed = (classification: unknown): boolean => classification === 'personal' || classification === 'sensitive'

/**
 * Taking back that a field is personal shows its values to every role that names the group, those of whoever does it
 * among them, and another format shows another part of what is masked: nobody gives what they do not have. What nobody has classified yet, whoever looks after fields may.
 */
function checkOpened({ tx, before, after }: Change): void {
  if (!isClosed(before?.clear.classification)) return
  const opening = !isClosed(after.classification) ? 'classification' : null
  const reshaping = after.format !== before?.clear.format ? 'format' : null
  const changed = opening ?? reshaping
  if (changed === null) return
  const read = [`customFields.${String(after.key)}`]
  checkHeld(tx.principal, [{ resource: String(after.resource), actions: ['read'], fields: { read } }], `/${changed}`)
}

/** The field comes back with its values; the grants that named it have been taken away and stay so. */
async function restored({ tx, before }: Change): Promise<Record<string, unknown>> {
  await policyChanged(tx)
  await checkCap(tx, String(before?.clear.resource), 1, '/resource')
  return {}
}
