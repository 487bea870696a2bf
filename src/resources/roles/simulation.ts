import { z } from 'zod'
import { type Action, actions } from '../../access/actions.ts'
import { country, idList } from '../values.ts'
import { grantsSchema } from './schema.ts'

const yes = (description: string, example = true) => z.boolean().meta({ description, example })

export const simulationBody = z
  .strictObject({
    grants: grantsSchema,
    me: z
      .strictObject({
        id: z.uuid().optional().meta({ description: 'What `$me.id` stands for.' }),
        teamIds: idList('What `$me.teamIds` stands for.').optional(),
        businessUnitIds: idList('What `$me.businessUnitIds` stands for, and the business units it sees.').optional(),
        countries: z
          .array(country('A country.'))
          .max(300)
          .optional()
          .meta({ description: 'What `$me.countries` stands for.', example: ['DE'] }),
      })
      .optional()
      .meta({ description: 'Whom the role is tried for; what is left out is as it is for you.', example: {} }),
    resource: z.string().min(1).max(100).meta({ description: 'The resource of the record.', example: 'contacts' }),
    record: z.record(z.string().max(200), z.unknown()).meta({
      description:
        'A made-up record, with its clear values, as it would be answered. What is left out has no value, but for the business unit: there it is as with a new record. No stored record is looked at.',
      example: {
        displayName: 'Anna Müller',
        phone: '+4917012345678',
        country: 'DE',
        businessUnitId: '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
      },
    }),
  })
  .meta({ id: 'RoleSimulation', description: 'A draft of a role, and a record to try it on.' })

const allowed = Object.fromEntries(
  Object.entries(actions).map(([name, description]) => [name, yes(description, false)]),
) as Record<Action, z.ZodBoolean>

const field = z
  .object({
    name: z.string().meta({ description: 'The field.', example: 'phone' }),
    sight: z
      .enum(['clear', 'masked', 'hidden'])
      .meta({ description: 'How the field of this record is seen.', example: 'masked' }),
    creatable: yes('Whether a new record like this may be made with it.', false),
    writable: yes('Whether it may be changed.', false),
    filterable: yes('Whether filters on it find this record.', false),
    sortable: yes('Whether lists are sorted by its value here.', false),
    searchable: yes('Whether free search looks into it here.', false),
    exactMatch: yes('Whether one full value finds it although it is masked; counted against the quota.'),
  })
  .meta({ id: 'SimulatedField', description: 'What may be done with one field of the record.' })

export const simulationAnswer = z
  .object({
    visible: yes('Whether the record would be there at all.'),
    actions: z.object(allowed).meta({ description: 'What may be done with the record.' }),
    fields: z.array(field).meta({ description: 'Every field of the resource.' }),
    view: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({
        description: 'The record as it would be answered; null when it would not.',
        example: { displayName: 'Anna Müller', phone: '+49•••••••••78', maskedFields: ['phone'] },
      }),
    warnings: z
      .array(
        z.object({
          path: z.string().meta({ description: 'Where in the request, as a JSON pointer.', example: '/grants/0/when' }),
          code: z.string().meta({ description: 'The kind; may grow.', example: 'never_true' }),
          message: z.string().meta({
            description: 'What, for people.',
            example: 'For whoever this is tried for, the condition holds for no record.',
          }),
        }),
      )
      .meta({ description: 'What in the draft does less than it says, and what is not looked at here.' }),
  })
  .meta({ id: 'SimulatedRole', description: 'What somebody with such a role, and no other, would see and may do.' })

export type Simulation = z.infer<typeof simulationBody>
export type SimulationAnswer = z.infer<typeof simulationAnswer>
