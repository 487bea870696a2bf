import { z } from 'zod'
import { commonFields, defineResource } from '../../access/define.ts'
import { team } from '../../db/tables/tenancy.ts'
import { country, text } from '../values.ts'

export const teams = defineResource({
  name: 'teams',
  title: 'Team',
  description: 'Members who work together, with the countries that they serve.',
  table: team,
  tenant: team.tenantId,
  id: team.id,
  state: team.state,
  fields: {
    ...commonFields(team),
    name: {
      column: team.name,
      schema: text(100, 'The team’s name.', 'DACH'),
      write: 'always',
      required: true,
      search: 'text',
    },
    description: {
      column: team.description,
      schema: text(500, 'What the team does.', 'Customers in Germany, Austria and Switzerland'),
      write: 'always',
    },
    countries: {
      column: team.countries,
      schema: z
        .array(country('A country.'))
        .max(250)
        .meta({ description: 'The countries that the team serves.', example: ['DE', 'AT', 'CH'] }),
      write: 'always',
    },
  },
})
