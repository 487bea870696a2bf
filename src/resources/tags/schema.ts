import { z } from 'zod'
import { commonFields, defineResource } from '../../access/define.ts'
import { tag } from '../../db/tables/tenancy.ts'
import { text } from '../values.ts'

export const tags = defineResource({
  name: 'tags',
  title: 'Tag',
  description: 'A word that contacts and conversations can carry.',
  table: tag,
  tenant: tag.tenantId,
  id: tag.id,
  state: tag.state,
  fields: {
    ...commonFields(tag),
    name: {
      column: tag.name,
      schema: text(50, 'The tag’s name, unique in the tenant.', 'vip'),
      write: 'always',
      required: true,
      search: 'text',
    },
    color: {
      column: tag.color,
      schema: z
        .string()
        .regex(/^#[0-9a-fA-F]{6}$/)
        .meta({ description: 'A colour for the screen.', example: '#e11d48' }),
      write: 'always',
    },
    description: {
      column: tag.description,
      schema: text(500, 'When the tag is used.', 'Orders above 10,000 a year'),
      write: 'always',
    },
  },
})
