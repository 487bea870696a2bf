import { z } from 'zod'
import { type Condition, ConditionError, readCondition } from '../../access/condition.ts'
import type { Field, Models, ResourceModel } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import { sql } from '../../db/sql.ts'
import type { Fault } from '../../errors.ts'
import { readsThroughout } from './rights.ts'

/** What rules may ask about, by the first part of a field's name: "contact.language". */
export const subjects = {
  conversation: 'conversations',
  contact: 'contacts',
  message: 'messages',
  channel: 'channels',
} as const

export type RuleFields = Pick<ResourceModel, 'fields'>

/** Of what somebody wrote, rules ask for the whole: an order of texts is no condition on what they say. */
const wholeTexts: readonly string[] = ['message.text']
const wholeOperators: readonly string[] = ['eq', 'in', 'exists']

const nobody = { id: '00000000-0000-0000-0000-000000000000', teamIds: [], businessUnitIds: [], countries: [] }

/** The fields that a tenant's rules may ask about, as a condition's reader and evaluator want them. */
export function routingFields(models: Models): RuleFields {
  const fields = new Map<string, Field>(['consent.category', 'consent.state'].map((name) => [name, justSaid(name)]))
  for (const [subject, resource] of Object.entries(subjects)) {
    const model = models.get(resource)
    for (const field of model?.fields.values() ?? []) {
      if (field.name === model?.custom?.group || !field.filterable) continue
      const name = `${subject}.${field.name}`
      const { stored } = field
      fields.set(name, { ...field, name, stored: stored && { ...stored, group: `${subject}.${stored.group}` } })
    }
  }
  return { fields }
}

/** A field of what is being said at the moment, which is stored nowhere under this name. */
const justSaid = (name: string): Field => ({
  name,
  kind: 'choice',
  value: sql`NULL::text`,
  column: null,
  mask: 'hidden',
  veil: null,
  detected: null,
  filterable: true,
  sortable: false,
  within: null,
  search: null,
  exact: null,
  schema: z.string(),
  stored: null,
})

const mayUse = (field: Field, op: string): boolean =>
  op !== 'startsWith' && (!wholeTexts.includes(field.name) || wholeOperators.includes(op))

/** A stored condition, or null where it cannot be read any more: then it holds for nothing. */
export function ruleCondition(when: unknown, fields: RuleFields): Condition | null {
  try {
    return readCondition(when, fields, nobody, mayUse)
  } catch (error) {
    if (error instanceof ConditionError) return null
    throw error
  }
}

/**
 * What is wrong with a rule's condition, for whoever writes it. A rule shows by what it does what it has found: so its
 * author may ask about nothing but what they see in clear on every record of its business unit. A field that they may
 * not use and a field that does not exist are the same.
 */
export function conditionFaults(when: unknown, principal: Principal, unitId: string, path = '/when'): Fault[] {
  if (when === undefined || when === null) return []
  const { models } = principal.ability
  const isSeen = (name: string): boolean => {
    const [subject = '', ...rest] = name.split('.')
    const resource = Object.hasOwn(subjects, subject) ? subjects[subject as keyof typeof subjects] : null
    const model = resource === null ? undefined : models.get(resource)
    return subject === 'consent' || (model !== undefined && readsThroughout(principal, model, rest.join('.'), unitId))
  }
  const mine = namesMe(when, path)
  if (mine) return [mine]
  try {
    readCondition(when, routingFields(models), nobody, (field, op) => mayUse(field, op) && isSeen(field.name))
    return []
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    return [{ path: `${path}${error.path}`, code: error.code, message: error.message }]
  }
}

/** Rules are nobody's: `$me` means nothing in them. */
function namesMe(node: unknown, path: string): Fault | null {
  if (typeof node === 'string')
    return node.startsWith('$me.') ? { path, code: 'invalid_condition', message: 'A rule has no `$me`.' } : null
  if (typeof node !== 'object' || node === null) return null
  for (const [key, inner] of Object.entries(node)) {
    const found = namesMe(inner, `${path}/${key}`)
    if (found) return found
  }
  return null
}

/** Whether a condition's JSON names a field. */
export function asksAbout(node: unknown, name: string): boolean {
  if (typeof node !== 'object' || node === null) return false
  return Object.entries(node).some(([op, argument]: [string, unknown]) => {
    if (op === 'not') return asksAbout(argument, name)
    if (!Array.isArray(argument)) return false
    return op === 'and' || op === 'or' ? argument.some((part) => asksAbout(part, name)) : argument[0] === name
  })
}
