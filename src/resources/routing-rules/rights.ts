import type { Action } from '../../access/actions.ts'
import { sight } from '../../access/door.ts'
import type { Grant } from '../../access/grant.ts'
import { missingRights } from '../../access/holds-grants.ts'
import type { ResourceModel } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import type { Fault } from '../../errors.ts'
import type { RoutingAction } from './actions.ts'

/*
 * A rule runs as the service, over every record of its business unit, and shows by what it does what it has found. So it
 * is as if its author gave it the rights that it makes use of: they must hold them themselves, on every record of the
 * unit. "On every record that they see" is not enough, since the rule is asked about the others too.
 */

/** @param unitId the rule's business unit */
export function readsThroughout(principal: Principal, model: ResourceModel, name: string, unitId: string): boolean {
  if (sight(principal, model, name) === null) return false
  const whole = model.within ? [{ resource: model.within.model.name, actions: ['read' as const] }] : []
  return holdsAll(principal, unitId, [...whole, { resource: model.name, actions: ['read'], fields: { read: [name] } }])
}

/**
 * What is wrong with what a rule does, for whoever writes it: each action takes the rights that a request of their own
 * for the same would take.
 */
export function actionFaults(
  actions: readonly RoutingAction[],
  principal: Principal,
  unitId: string,
  path = '/actions',
): Fault[] {
  return actions.flatMap((action, i) =>
    needsOf(action).flatMap(({ at, grants, asks }) => {
      const isHeld =
        holdsAll(principal, unitId, grants) &&
        asks.every(([resource, name]) => {
          const model = principal.ability.models.get(resource)
          return model !== undefined && readsThroughout(principal, model, name, unitId)
        })
      return isHeld ? [] : [{ path: `${path}/${i}/${at}`, code: 'not_held', message: cannot }]
    }),
  )
}

const cannot = 'A rule does nothing that its author could not do with every record of the business unit.'

/** What an action takes: grants, and fields about which it asks by itself. */
interface Need {
  at: string
  grants: readonly Grant[]
  asks: readonly (readonly [resource: string, name: string])[]
}

function needsOf(action: RoutingAction): Need[] {
  if ('assignTeam' in action) return [{ at: 'assignTeam', grants: giving('teamId'), asks: [] }]
  if ('assign' in action) {
    const { teamId, language, workingHours } = action.assign
    const fields = teamId === undefined ? ['assigneeId'] : ['assigneeId', 'teamId']
    const asks = (isAsked: boolean | undefined, at: string, ...asked: Need['asks']): Need[] =>
      isAsked ? [{ at, grants: [], asks: asked }] : []
    return [
      { at: 'assign', grants: giving(...fields), asks: [] },
      ...asks(language, 'assign/language', ['contacts', 'language'], ['members', 'languages']),
      ...asks(workingHours, 'assign/workingHours', ['members', 'workingHours']),
    ]
  }
  if ('setStatus' in action) return [{ at: 'setStatus', grants: writing('conversations', 'status'), asks: [] }]
  if ('setPriority' in action) return [{ at: 'setPriority', grants: writing('conversations', 'priority'), asks: [] }]
  if ('addTag' in action) return [{ at: 'addTag', grants: writing('conversations', 'tags'), asks: [] }]
  if ('setFollowUpStatus' in action)
    return [{ at: 'setFollowUpStatus', grants: writing('contacts', 'followUpStatus'), asks: [] }]
  // A purpose is said once, when a conversation begins: so it takes the right to begin one with it, too.
  const grants = [
    ...changing('conversations'),
    { resource: 'conversations', actions: ['create' as const], fields: { write: ['purpose'] } },
  ]
  return [{ at: 'setPurpose', grants, asks: [] }]
}

const changing = (resource: string, ...more: Action[]): Grant[] => [{ resource, actions: ['read', 'update', ...more] }]

const writing = (resource: string, ...write: string[]): Grant[] => [
  ...changing(resource),
  { resource, actions: ['update'], fields: { write } },
]

const giving = (...fields: string[]): Grant[] => [
  ...changing('conversations', 'assign'),
  ...writing('conversations', ...fields),
]

/** Whether they have all of these rights, on every record of the unit. */
function holdsAll(principal: Principal, unitId: string, grants: readonly Grant[]): boolean {
  const inUnit = grants.map((grant): Grant => {
    const model = principal.ability.models.get(grant.resource)
    const unit = model?.unit && [...model.fields.values()].find(({ column }) => column === model.unit)
    return unit ? { ...grant, when: { eq: [unit.name, unitId] } } : grant
  })
  return missingRights(principal, inUnit).length === 0
}
