import { z } from 'zod'
import { actionNames } from './actions.ts'
import { ConditionError, type ConditionJson, conditionSchema, type Me, readCondition } from './condition.ts'
import type { Models } from './model.ts'

const fieldList = z
  .array(z.union([z.literal('*'), z.string().regex(/^[a-z][A-Za-z0-9]*(?:\.[A-Za-z][\w.-]{0,99})?$/)]))
  .max(200)

/** One grant of a role: what may be done with which rows of a resource, and which fields are seen, masked, written. */
export const grantSchema = z
  .strictObject({
    resource: z.string().min(1).max(100).describe('The resource, named as in its path.'),
    actions: z.array(z.enum(actionNames)).min(1).max(actionNames.length).describe('What may be done.'),
    fields: z
      .strictObject({
        read: fieldList.optional().describe('Fields seen in clear; "*" for all.'),
        mask: fieldList.optional().describe('Fields seen masked.'),
        write: fieldList.optional().describe('Fields that may be set.'),
      })
      .optional()
      .describe('Fields; left out: none.'),
    when: conditionSchema
      .optional()
      .describe('Which rows; left out: all rows of the tenant that the principal’s business units hold.'),
  })
  .meta({
    id: 'Grant',
    description: 'One grant of a role. Grants only add.',
    example: {
      resource: 'contacts',
      actions: ['read', 'update'],
      fields: { read: ['displayName', 'country'], mask: ['phone'], write: ['followUpStatus'] },
      when: { in: ['businessUnitId', '$me.businessUnitIds'] },
    },
  })

export type Grant = z.infer<typeof grantSchema>
export interface GrantFault {
  path: string
  message: string
}

const nobody: Me = { id: '00000000-0000-0000-0000-000000000000', teamIds: [], businessUnitIds: [], countries: [] }

/** Holds grants against the resources that exist: a grant that names what does not exist is refused. */
export function grantFaults(grants: readonly Grant[], models: Models): GrantFault[] {
  return grants.flatMap((grant, i) => {
    const model = models.get(grant.resource)
    if (!model) return [{ path: `/${i}/resource`, message: `There is no resource "${grant.resource}".` }]
    const faults: GrantFault[] = []
    for (const use of ['read', 'mask', 'write'] as const)
      grant.fields?.[use]?.forEach((name, j) => {
        if (name !== '*' && !model.fields.has(name))
          faults.push({ path: `/${i}/fields/${use}/${j}`, message: `"${grant.resource}" has no field "${name}".` })
      })
    if (grant.when !== undefined)
      try {
        // The group of the tenant's own fields is no value: each is asked about by itself.
        readCondition(grant.when, model, nobody, ({ name }) => name !== model.custom?.group)
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error
        faults.push({ path: `/${i}/when${error.path}`, message: error.message })
      }
    return faults
  })
}

export type { ConditionJson }
