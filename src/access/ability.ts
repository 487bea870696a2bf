import { Ability as CaslAbility, type RawRuleOf, subject as subjectOf } from '@casl/ability'
import { type Action, actionNames } from './actions.ts'
import { type Condition, ConditionError, holds, type Me, readCondition } from './condition.ts'
import type { Grant } from './grant.ts'
import type { Field, Models, ResourceModel } from './model.ts'
import { anyOf } from './simplify.ts'

/** How a rule lets a field be used. CASL sees each as an action of its own: `read`, `mask`, or the writing action. */
type RuleAction = Action | 'mask'
type Row = Readonly<Record<string, unknown>>
type Rules = CaslAbility<[RuleAction, string | Row], Condition>

/** A rule of a principal: its fields ('*' = all; empty = none), and the rows (null = all). */
export interface Rule {
  fields: readonly string[]
  when: Condition | null
}

/**
 * What a principal may do, built from grants. CASL holds the rules and decides on rows in memory; `rules` gives the
 * same rules to the compiler that turns them into SQL. Several abilities joined (`and`) are an intersection: a key that
 * acts for a member may do what both may.
 */
export class Ability {
  readonly #layers: readonly Rules[]
  readonly #byRow = new Map<string, boolean>()
  /** The resources as the principal's tenant has them, with the fields that it has defined. */
  readonly models: Models
  /** Compiled statements, kept as long as the ability itself. */
  readonly cache = new Map<string, unknown>()
  /** About how much memory it holds, in bytes. */
  weight = 20_000

  private constructor(layers: readonly Rules[], models: Models) {
    this.#layers = layers
    this.models = models
  }

  static of(grants: readonly Grant[], me: Me, models: Models): Ability {
    const granted = new Map<string, { rule: RawRuleOf<Rules>; when: (Condition | null)[] }>()
    const same = (key: string, rule: RawRuleOf<Rules>): (Condition | null)[] => {
      const known = granted.get(key) ?? { rule, when: [] }
      granted.set(key, known)
      return known.when
    }
    for (const grant of grants) {
      const model = models.get(grant.resource)
      // A grant whose resource is gone grants nothing, and neither does one whose condition names a field that is.
      const conditions = model && conditionsOf(grant, model, me)
      if (!model || conditions === null) continue
      const add = (action: RuleAction, fields: readonly string[] | undefined): void => {
        const names = known(fields ?? [], model)
        const rule = { action, subject: grant.resource, ...(names === '*' ? {} : { fields: names }) }
        same(JSON.stringify(rule), rule).push(conditions ?? null)
      }
      for (const action of grant.actions) {
        if (action === 'read') {
          add('read', grant.fields?.read)
          if (grant.fields?.mask?.length) add('mask', grant.fields.mask)
        } else if (action === 'create' || action === 'update' || action === 'import') add(action, grant.fields?.write)
        else add(action, ['*'])
      }
    }
    const rules = [...granted.values()].flatMap(({ rule, when }) => {
      const simple = anyOf(when)
      return simple ? simple.map((conditions) => ({ ...rule, conditions })) : [rule]
    })
    const ability = new Ability([buildRules(rules, models)], models)
    ability.weight += grants.length * 500
    return ability
  }

  /** The rights that both have. */
  and(other: Ability): Ability {
    const both = new Ability([...this.#layers, ...other.#layers], this.models)
    both.weight = this.weight + other.weight
    return both
  }

  /** The fields of a resource, those that the tenant has defined among them. */
  fields(model: ResourceModel): ReadonlyMap<string, Field> {
    return this.models.get(model.name)?.fields ?? model.fields
  }

  /** Whether any row of the resource could be used so; the row itself is asked later. */
  may(action: Action, resource: string): boolean {
    return this.#layers.every((layer) => layer.rulesFor(action, resource).length > 0)
  }

  /** Whether this row may be used so; with a field, whether this field of it may. */
  can(action: RuleAction, model: ResourceModel, row: Row, field?: string): boolean {
    // A copy: CASL marks the object with its type, and a row that came with such a mark would choose its own.
    const subject = subjectOf(model.name, { ...row })
    return this.#layers.every((layer) => {
      // To CASL an empty name is no name, and then any field will do.
      if (field !== undefined) return field !== '' && layer.can(action, subject, field)
      return layer.rulesFor(action, model.name).some((rule) => rule.matchesConditions(subject))
    })
  }

  /** Whether what may be done with a row of the resource depends on the row. Asked twice with every change. */
  dependsOnRow(resource: string): boolean {
    const known = this.#byRow.get(resource)
    if (known !== undefined) return known
    const actions: readonly RuleAction[] = [...actionNames, 'mask']
    const depends = this.#layers.some((layer) =>
      actions.some((action) => layer.rulesFor(action, resource).some((rule) => rule.conditions !== undefined)),
    )
    this.#byRow.set(resource, depends)
    return depends
  }

  /** The rules of an action, one list per layer; a row must satisfy one rule of each. */
  rules(action: RuleAction, resource: string): readonly (readonly Rule[])[] {
    return this.#layers.map((layer) =>
      layer.rulesFor(action, resource).map((rule) => ({ fields: rule.fields ?? ['*'], when: rule.conditions ?? null })),
    )
  }
}

/** undefined: for every row; null: for none, since it cannot be read any more. */
function conditionsOf(grant: Grant, model: ResourceModel, me: Me): Condition | undefined | null {
  if (grant.when === undefined) return undefined
  try {
    return readCondition(grant.when, model, me, () => true)
  } catch (error) {
    if (error instanceof ConditionError) return null
    throw error
  }
}

/**
 * '*' when every field is meant; otherwise those that exist. The name of the custom fields' group means those that are
 * classified as general. An empty list would mean "all" to CASL, so it names a field that cannot exist.
 */
function known(fields: readonly string[], model: ResourceModel): '*' | string[] {
  if (fields.includes('*')) return '*'
  const names = fields.filter((name) => model.fields.has(name))
  const group = model.custom?.group
  if (group !== undefined && names.includes(group))
    for (const { name, stored } of model.fields.values())
      if (stored?.isOpen && stored.group === group && !names.includes(name)) names.push(name)
  return names.length > 0 ? names : ['-']
}

function buildRules(rules: RawRuleOf<Rules>[], models: Models): Rules {
  return new CaslAbility<[RuleAction, string | Row], Condition>(rules, {
    conditionsMatcher: (condition) => (row: Row) => {
      const model = models.get(typeOf(row))
      return model !== undefined && holds(condition, model, row)
    },
    fieldMatcher: (fields) => (field) => fields.includes(field),
    // CASL rules later in the list win; all of ours allow, so order says nothing.
  })
}

function typeOf(row: Row): string {
  const name = row.__caslSubjectType__
  return typeof name === 'string' ? name : ''
}
