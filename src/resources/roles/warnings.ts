import type { Action } from '../../access/actions.ts'
import { type Condition, type Me, readCondition } from '../../access/condition.ts'
import type { Grant } from '../../access/grant.ts'
import type { Models, ResourceModel } from '../../access/model.ts'

/** What of a draft does not do what its author may think; a JSON pointer into the request says where. */
export interface Warning {
  path: string
  code: 'never_true' | 'no_effect' | 'no_fields' | 'shadowed' | 'not_readable' | 'not_considered'
  message: string
}

/** What is done before there is a record that could be read. */
export const making: readonly Action[] = ['create', 'import', 'send']
const writing: readonly Action[] = ['create', 'update', 'import']

/**
 * Looks for grants that do less than they say.
 * @param grants without faults, see `grantFaults`
 * @param me whoever the role is tried for: with its lists, conditions may never hold
 */
export function grantWarnings(grants: readonly Grant[], models: Models, me: Me): Warning[] {
  return grants.flatMap((grant, i) => {
    const model = models.get(grant.resource)
    if (!model) return []
    const warn = (path: string, code: Warning['code'], message: string): Warning => ({
      path: `/grants/${i}${path}`,
      code,
      message,
    })
    return [...ofRows(grant, model, grants, me, warn), ...ofFields(grant, grants, warn)]
  })
}

type Warn = (path: string, code: Warning['code'], message: string) => Warning

function ofRows(grant: Grant, model: ResourceModel, grants: readonly Grant[], me: Me, warn: Warn): Warning[] {
  const found: Warning[] = []
  if (grant.when !== undefined && constant(readCondition(grant.when, model, me, () => true)) === false)
    found.push(warn('/when', 'never_true', 'For whoever this is tried for, the condition holds for no record.'))
  const readable = new Set(grants.filter(({ actions }) => actions.includes('read')).map(({ resource }) => resource))
  if (!readable.has(grant.resource))
    grant.actions.forEach((action, j) => {
      if (!making.includes(action))
        found.push(warn(`/actions/${j}`, 'not_readable', `To ${action} a record takes the right to read it.`))
    })
  const whole = model.within?.model.name
  if (whole !== undefined && grant.actions.includes('read') && !readable.has(whole))
    found.push(
      warn('/resource', 'not_readable', `They are seen with the ${whole} that they are part of, and no others.`),
    )
  return found
}

function ofFields({ resource, actions, fields = {} }: Grant, grants: readonly Grant[], warn: Warn): Warning[] {
  const { read = [], mask = [], write = [] } = fields
  const found: Warning[] = []
  const isReading = actions.includes('read')
  const isWriting = actions.some((action) => writing.includes(action))
  if (isReading && read.length + mask.length === 0)
    found.push(warn('', 'no_fields', 'It shows that there are records, and nothing of them but their ids.'))
  if (isWriting && write.length === 0) found.push(warn('', 'no_fields', 'It lets no field be set.'))
  if (!isReading && read.length > 0) found.push(warn('/fields/read', 'no_effect', 'It takes the action `read`.'))
  if (!isReading && mask.length > 0) found.push(warn('/fields/mask', 'no_effect', 'It takes the action `read`.'))
  if (!isWriting && write.length > 0)
    found.push(warn('/fields/write', 'no_effect', 'It takes the action `create`, `update` or `import`.'))
  if (isReading)
    mask.forEach((name, j) => {
      if (read.includes('*') || read.includes(name))
        found.push(warn(`/fields/mask/${j}`, 'shadowed', 'It is read in clear by the same grant.'))
    })
  if (!actions.includes('update')) return found
  const seen = grants
    .filter((one) => one.resource === resource && one.actions.includes('read'))
    .flatMap((one) => [...(one.fields?.read ?? []), ...(one.fields?.mask ?? [])])
  write.forEach((name, j) => {
    if (!seen.includes('*') && !seen.includes(name))
      found.push(warn(`/fields/write/${j}`, 'not_readable', 'It can be set and is not seen.'))
  })
  return found
}

/** Whether a condition is the same for every record; null when it hangs on the record. */
function constant(condition: Condition): boolean | null {
  if (condition.op === 'in') return condition.values.length === 0 ? false : null
  if (condition.op === 'not') {
    const inner = constant(condition.of)
    return inner === null ? null : !inner
  }
  if (condition.op !== 'and' && condition.op !== 'or') return null
  const parts = condition.of.map(constant)
  const decisive = condition.op === 'or'
  if (parts.includes(decisive)) return decisive
  return parts.includes(null) ? null : !decisive
}

/** What a simulation leaves out, since it would take real records to know. */
export function sampleWarnings(model: ResourceModel): Warning[] {
  const leftOut = [
    ...(model.within
      ? [`It is seen with the ${model.within.model.name} that it is part of; those are not looked at.`]
      : []),
    ...(model.rows ? ['A rule of its own says further which records are seen; it is not looked at.'] : []),
  ]
  if ([...model.fields.values()].some(({ detected }) => detected !== null))
    leftOut.push(
      'In texts, numbers without their country code are found by the contact’s country, which is not known here.',
    )
  return leftOut.map((message) => ({ path: '/resource', code: 'not_considered', message }))
}
