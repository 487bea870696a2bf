import { randomUUID } from 'node:crypto'
import { Ability, type Rule } from './ability.ts'
import type { Action } from './actions.ts'
import { type Condition, ConditionError, type Me, readCondition } from './condition.ts'
import type { Grant, GrantFault } from './grant.ts'
import { implies } from './implies.ts'
import type { ResourceModel } from './model.ts'
import type { Principal } from './principal.ts'

/** Whoever gives: what it may do, and the grants of its roles as they are written, a list per layer of its ability. */
export type Giver = Pick<Principal, 'ability' | 'grants'>

type RuleAction = Action | 'mask'
/** The giver's rules of an action whose rows are at least these. */
type Covering = (part: Condition | null, action: RuleAction) => readonly Rule[]

const message = 'You cannot give what you do not have.'
const nobody: Me = { id: '00000000-0000-0000-0000-000000000000', teamIds: [], businessUnitIds: [], countries: [] }

/**
 * What grants hold beyond the rights of whoever gives them; nothing: all of it is the giver's own. Each right must be
 * covered by rules whose rows are proved to be at least as many, in every layer of the giver's ability.
 * `$me` in a grant is whoever will have it: it is covered by the same `$me` in a role of the giver.
 */
export function missingRights({ ability, grants: layers }: Giver, grants: readonly Grant[]): GrantFault[] {
  // Nobody can write these values into a condition, so that they stand for `$me` alone.
  const me: Me = {
    id: randomUUID(),
    teamIds: [randomUUID()],
    businessUnitIds: [randomUUID()],
    // Countries are text: what compares them with anything else is not let through.
    countries: [`country ${randomUUID()}`],
  }
  const written = layers.map((layer) => Ability.of(layer, me, ability.models))
  const rulesOf = (layer: number, action: RuleAction, resource: string, part: Condition | null): readonly Rule[] =>
    [...(ability.rules(action, resource)[layer] ?? []), ...(written[layer]?.rules(action, resource)[0] ?? [])].filter(
      (rule) => implies(part, rule.when),
    )
  return grants.flatMap((grant, i) => {
    const model = ability.models.get(grant.resource)
    // What names nothing gives nothing.
    if (!model) return []
    const parts = partsOf(grant, model, me)
    if (parts === null) return [{ path: `/${i}/when`, message: 'The condition compares what cannot be compared.' }]
    const inLayers = layers.map((_, layer): Covering => {
      const known = new Map<RuleAction, Map<Condition | null, readonly Rule[]>>()
      return (part, action) => {
        const ofAction = known.get(action) ?? new Map<Condition | null, readonly Rule[]>()
        known.set(action, ofAction)
        const rules = ofAction.get(part) ?? rulesOf(layer, action, grant.resource, part)
        ofAction.set(part, rules)
        return rules
      }
    })
    const covered = (check: (covering: Covering, part: Condition | null) => boolean): boolean =>
      inLayers.length > 0 && inLayers.every((covering) => parts.every((part) => check(covering, part)))
    const paths = grant.actions.flatMap((action, j) => {
      if (!covered((covering, part) => covering(part, action).length > 0)) return [`/${i}/actions/${j}`]
      return fieldsOf(grant, action).flatMap(({ use, by, names }) =>
        names.flatMap((name, k) => {
          if (!isField(model, use, name)) return []
          const held = covered((covering, part) =>
            by.some((one) => covering(part, one).some(({ fields }) => fields.includes('*') || fields.includes(name))),
          )
          return held ? [] : [`/${i}/fields/${use}/${k}`]
        }),
      )
    })
    return [...new Set(paths)].map((path) => ({ path, message }))
  })
}

/** The rows of a grant, case by case: each case may be covered by rules of its own. null: it cannot be decided. */
function partsOf(grant: Grant, model: ResourceModel, me: Me): readonly (Condition | null)[] | null {
  if (grant.when === undefined) return [null]
  try {
    const condition = readCondition(grant.when, model, me, () => true)
    return condition.op === 'or' ? condition.of : [condition]
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    // Of a field that is gone: nothing is given. What only some `$me` makes readable is not let through.
    return isReadable(grant, model) ? null : []
  }
}

function isReadable({ when }: Grant, model: ResourceModel): boolean {
  try {
    return readCondition(when, model, nobody, () => true) !== null
  } catch (error) {
    if (error instanceof ConditionError) return false
    throw error
  }
}

/** The fields that an action of a grant gives, and the actions of which a rule covers them: who reads may mask. */
function fieldsOf(
  { fields = {} }: Grant,
  action: Action,
): readonly { use: 'read' | 'mask' | 'write'; by: readonly RuleAction[]; names: readonly string[] }[] {
  if (action === 'read')
    return [
      { use: 'read', by: ['read'], names: fields.read ?? [] },
      { use: 'mask', by: ['read', 'mask'], names: fields.mask ?? [] },
    ]
  const isWriting = action === 'create' || action === 'update' || action === 'import'
  return isWriting ? [{ use: 'write', by: [action], names: fields.write ?? [] }] : []
}

/** A name of nothing gives nothing, and the id comes with the row. */
const isField = (model: ResourceModel, use: string, name: string): boolean =>
  name === '*' || (model.fields.has(name) && (use === 'write' || name !== 'id'))
