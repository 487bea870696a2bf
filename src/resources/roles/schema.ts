import { z } from 'zod'
import { commonFields, defineResource } from '../../access/define.ts'
import { grantSchema } from '../../access/grant.ts'
import { role } from '../../db/tables/access.ts'
import { text } from '../values.ts'

export const grantsSchema = z
  .array(grantSchema)
  .max(200)
  .meta({ description: 'What the role allows; grants only add.' })

export const roles = defineResource({
  name: 'roles',
  title: 'Role',
  description: 'A stored list of grants.',
  table: role,
  tenant: role.tenantId,
  id: role.id,
  state: role.state,
  fields: {
    ...commonFields(role),
    name: {
      column: role.name,
      schema: text(100, 'The role’s name, unique in the tenant.', 'Night shift'),
      write: 'always',
      required: true,
      search: 'text',
    },
    description: {
      column: role.description,
      schema: text(500, 'Who has it and what for.', 'Answers after hours'),
      write: 'always',
    },
    grants: {
      column: role.grants,
      schema: grantsSchema,
      write: 'always',
      required: true,
      nullable: false,
    },
    builtIn: {
      column: role.builtIn,
      schema: z.string().meta({
        description: 'The name of a built-in role; its grants follow the release and cannot be changed.',
        example: 'agent',
      }),
      kind: 'choice',
    },
    seesAllBusinessUnits: {
      column: role.seesAllBusinessUnits,
      schema: z.boolean().meta({ description: 'Whether its members see every business unit.', example: false }),
    },
  },
})
