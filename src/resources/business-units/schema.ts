import { z } from 'zod'
import { commonFields, defineResource } from '../../access/define.ts'
import { businessUnit } from '../../db/tables/tenancy.ts'
import { country, text } from '../values.ts'

export const businessUnits = defineResource({
  name: 'business-units',
  title: 'BusinessUnit',
  description: 'A part of a tenant (a brand, a business line) whose data the other parts do not see.',
  table: businessUnit,
  tenant: businessUnit.tenantId,
  id: businessUnit.id,
  state: businessUnit.state,
  fields: {
    ...commonFields(businessUnit),
    name: {
      column: businessUnit.name,
      schema: text(100, 'The unit’s name.', 'Outdoor'),
      write: 'always',
      required: true,
      search: 'text',
    },
    legalEntity: {
      column: businessUnit.legalEntity,
      schema: text(200, 'The legal entity that is responsible for its data.', 'Outdoor GmbH'),
      write: 'always',
    },
    establishmentCountry: {
      column: businessUnit.establishmentCountry,
      schema: country('Where that entity is established.'),
      write: 'always',
    },
    region: {
      column: businessUnit.region,
      schema: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,30}$/, 'A region is a short lower-case name.')
        .meta({ description: 'Where its data lives; never changes.', example: 'default' }),
      write: 'create',
    },
    isDefault: {
      column: businessUnit.isDefault,
      schema: z.boolean().meta({ description: 'Whether it is meant where a request names no unit.', example: false }),
    },
  },
})
