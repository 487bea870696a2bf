import { z } from 'zod'
import { commonFields, defineResource } from '../../access/define.ts'
import { sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import { array, type SQL, sql } from '../../db/sql.ts'
import { customField } from '../../db/tables/custom-field.ts'
import { language, text } from '../values.ts'
import { customKey } from './value.ts'

const labels = (description: string) =>
  z
    .record(language('The language (BCP 47).'), text(200, 'What people read.', 'Shoe size'))
    .refine((all) => Object.keys(all).length <= 50, 'There are at most 50.')
    .meta({ description, example: { en: 'Shoe size', de: 'Schuhgröße' } })

const option = z
  .strictObject({
    value: text(200, 'What is stored.', 'blue'),
    labels: labels('What people read, by language.').optional(),
  })
  .meta({ id: 'CustomFieldOption', description: 'One of the values of a choice.', example: { value: 'blue' } })

/** What tenants may define fields for. */
export const extensible = ['contacts'] as const

export const customFields = defineResource({
  name: 'custom-fields',
  title: 'CustomField',
  description:
    'A field that the tenant has defined itself. Grants, conditions, filters and sorts name it as `customFields.<key>`; records hold its value under `customFields`. A field that is not classified as `general` is seen by those whose role names it, or names all fields. Definitions are seen by whoever sees or sets the field, or looks after definitions.',
  table: customField,
  tenant: customField.tenantId,
  id: customField.id,
  state: customField.state,
  rows: ownFields,
  fields: {
    ...commonFields(customField),
    resource: {
      column: customField.resource,
      kind: 'choice',
      schema: z.enum(extensible).meta({ description: 'Whose field it is; set once.', example: 'contacts' }),
      write: 'create',
      required: true,
    },
    key: {
      column: customField.key,
      schema: customKey.meta({
        description: 'Its name in JSON, unique among those in use; set once.',
        example: 'size',
      }),
      write: 'create',
      required: true,
      search: 'text',
    },
    type: {
      column: customField.type,
      kind: 'choice',
      schema: z.enum(['text', 'number', 'money', 'date', 'boolean', 'choice', 'multiChoice', 'reference']).meta({
        description: 'What its values are; set once. Money is `{amount, currency}` in minor units.',
        example: 'number',
      }),
      write: 'create',
      required: true,
    },
    labels: {
      column: customField.labels,
      schema: labels('What people read, by language.'),
      write: 'always',
      unset: {},
    },
    description: {
      column: customField.description,
      schema: text(500, 'What it is for.', 'European sizes'),
      write: 'always',
      search: 'text',
    },
    format: {
      column: customField.format,
      kind: 'choice',
      schema: z.enum(['plain', 'email', 'phone', 'name']).meta({
        description: 'Of a text: how it is written, and so how it is checked and masked.',
        example: 'plain',
      }),
      write: 'always',
    },
    currency: {
      column: customField.currency,
      kind: 'choice',
      schema: z
        .string()
        .regex(/^[A-Z]{3}$/, 'A currency is its ISO 4217 code: EUR')
        .meta({ description: 'Of money, and required there: ISO 4217; set once.', example: 'EUR' }),
      write: 'create',
    },
    referenceTo: {
      column: customField.referenceTo,
      kind: 'choice',
      schema: z
        .enum(['contacts', 'members', 'teams', 'conversations', 'business-units'])
        .meta({ description: 'Of a reference, and required there: to what it leads; set once.', example: 'members' }),
      write: 'create',
    },
    options: {
      column: customField.options,
      schema: z
        .array(option)
        .max(200)
        .meta({
          description:
            'Of a choice, and required there: its values. One that is taken away can no longer be set; records that have it keep it.',
          example: [{ value: 'blue', labels: { en: 'Blue', de: 'Blau' } }],
        }),
      write: 'always',
      unset: [],
    },
    required: {
      column: customField.required,
      schema: z.boolean().meta({
        description: 'Whether whoever may set it must: on every new record, and by not removing it.',
        example: false,
      }),
      write: 'always',
      unset: false,
    },
    minimum: {
      column: customField.minimum,
      schema: z.number().meta({ description: 'Of a number or money (in minor units): the least.', example: 15 }),
      write: 'always',
    },
    maximum: {
      column: customField.maximum,
      schema: z.number().meta({ description: 'Of a number or money (in minor units): the most.', example: 60 }),
      write: 'always',
    },
    maxLength: {
      column: customField.maxLength,
      schema: z.int().min(1).max(2000).meta({ description: 'Of a text: the most characters.', example: 80 }),
      write: 'always',
    },
    classification: {
      column: customField.classification,
      kind: 'choice',
      schema: z.enum(['unclassified', 'general', 'personal', 'sensitive']).meta({
        description:
          'What a leak would mean. `general`: roles that name `customFields` see it; all others must be named by themselves. Unclassified counts as personal.',
        example: 'general',
      }),
      write: 'always',
      unset: 'unclassified',
    },
    category: {
      column: customField.category,
      kind: 'choice',
      schema: z
        .enum(['identification', 'contact', 'profile', 'behaviour', 'content'])
        .meta({ description: 'What kind of personal data it is.', example: 'profile' }),
      write: 'always',
    },
    origin: {
      column: customField.origin,
      kind: 'choice',
      schema: z.enum(['provided', 'observed', 'inferred']).meta({
        description: 'Whether the person said it, it was seen, or it was concluded from other data.',
        example: 'provided',
      }),
      write: 'always',
      unset: 'provided',
    },
  },
})

/**
 * A definition tells that there is such data, so it is there for whoever sees or sets the field. Those who look after
 * definitions see all of them: they could not know otherwise which names are taken.
 */
function ownFields(principal: Principal): SQL | null {
  const { ability } = principal
  if ((['create', 'update', 'delete', 'restore'] as const).some((action) => ability.may(action, 'custom-fields')))
    return null
  const ids = extensible.flatMap((name) => {
    const model = ability.models.get(name)
    const fields = model ? [...model.fields.values()] : []
    return fields.flatMap(({ name: field, stored }) => {
      if (!model || !stored) return []
      const settable = (['create', 'update'] as const).some((action) =>
        ability
          .rules(action, model.name)
          .every((rules) => rules.some(({ fields: named }) => named.includes('*') || named.includes(field))),
      )
      return settable || sight(principal, model, field) ? [stored.id] : []
    })
  })
  return sql`${customField.id} = ANY (${array(ids, 'uuid')})`
}
