import type { FastifyInstance } from 'fastify'
import type { JsonRow } from '../../db/database.ts'
import { ruled } from '../../db/reference.ts'
import type { Columns } from '../../db/row-changes.ts'
import { collection } from '../../http/collection.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { actionsSchema } from './actions.ts'
import { conditionFaults } from './fields.ts'
import { checkReferences } from './references.ts'
import { actionFaults } from './rights.ts'
import { routingRules } from './schema.ts'
import { simulateRoute } from './simulate.ts'
import { rulesChanged } from './version.ts'

export function routingRuleRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: routingRules,
    searchable: true,
    ifMatchRequired: true,
    errors: { restore: ['unprocessable'] },
    create: async (change) => {
      await checkRule(change, change.after)
      await rulesChanged(change.tx)
      return {}
    },
    change: changed,
    trash: async ({ tx }) => {
      await rulesChanged(tx)
      return {}
    },
    restore: async (change) => {
      await checkRule(change, change.before?.clear ?? {})
      await rulesChanged(change.tx)
      return {}
    },
  })
  simulateRoute(app, deps)
}

/** What decides what a rule does, and to whom: whoever changes one of these answers for all of them. */
const substance = ['event', 'when', 'actions', 'channelIds', 'continue']

async function changed(change: Change): Promise<Columns> {
  const { tx, body, before, after } = change
  const isSwitchedOn = after.enabled === true && before?.clear.enabled === false
  // Where it stands decides which rules come to be asked at all, as long as it is in force.
  const isMoved = 'position' in body && after.enabled === true
  if (isSwitchedOn || isMoved || substance.some((name) => name in body)) await checkRule(change, after)
  await rulesChanged(tx)
  return isSwitchedOn && (before?.clear.disabledReason ?? null) !== null ? { disabled_reason: null } : {}
}

/** Of the whole rule, as it will be: whoever changes a part vouches for the others too. */
async function checkRule({ tx }: Change, rule: JsonRow): Promise<void> {
  const unitId = String(rule.businessUnitId)
  const actions = actionsSchema.parse(rule.actions)
  const faults = [...conditionFaults(rule.when, tx.principal, unitId), ...actionFaults(actions, tx.principal, unitId)]
  if (faults.length > 0) throw ruled(...faults)
  await checkReferences(tx, unitId, { channelIds: idsIn(rule.channelIds), actions })
}

const idsIn = (list: unknown): string[] => (Array.isArray(list) ? list.map(String) : [])
