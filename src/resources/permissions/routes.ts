import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { actions } from '../../access/actions.ts'
import { operatorsOf } from '../../access/condition.ts'
import type { Models } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { aboutRoles } from '../roles/about-roles.ts'
import { isResource, writableWhen } from '../roles/writable.ts'

const yes = (description: string, example = true) => z.boolean().meta({ description, example })

const fieldAnswer = z
  .object({
    name: z.string().meta({ description: 'The name, as grants and conditions have it.', example: 'phone' }),
    kind: z.string().meta({ description: 'What its values are; may grow.', example: 'text' }),
    description: z.string().optional().meta({ description: 'What it is.', example: 'The primary phone number.' }),
    mask: z.string().meta({
      description: 'How it looks masked: phone, email, name, text, number, date; hidden: as if it had no value.',
      example: 'phone',
    }),
    maskable: yes('Whether a mask shows something of it.'),
    writable: z
      .enum(['always', 'create', 'never'])
      .meta({ description: 'When it can be set: always, at the start, or by the service alone.', example: 'always' }),
    filterable: yes('Whether lists can be filtered by it.'),
    sortable: yes('Whether lists can be sorted by it.', false),
    searchable: yes('Whether free search looks into it.'),
    operators: z
      .array(z.string())
      .meta({ description: 'What conditions can compare it with.', example: ['eq', 'ne', 'in', 'exists'] }),
    custom: yes('Whether the tenant has defined it.', false),
  })
  .meta({ id: 'PermissionField', description: 'A field that grants can name.' })

const answer = z
  .object({
    actions: z
      .array(
        z.object({
          name: z.string().meta({ description: 'The name.', example: 'read' }),
          description: z.string().meta({ description: 'What it is.', example: 'See records.' }),
        }),
      )
      .meta({ description: 'Everything that can be done.' }),
    resources: z
      .array(
        z.object({
          name: z.string().meta({ description: 'The name, as grants have it.', example: 'contacts' }),
          description: z.string().optional().meta({ description: 'What it is.', example: 'A person outside.' }),
          partOf: z.string().nullable().meta({
            description: 'The resource whose records these are seen with.',
            example: null,
          }),
          fields: z.array(fieldAnswer).meta({ description: 'Its fields.' }),
        }),
      )
      .meta({ description: 'Everything that it can be done with.' }),
    variables: z
      .array(
        z.object({
          name: z.string().meta({ description: 'As conditions write it.', example: '$me.teamIds' }),
          isList: yes('Whether it stands for a list, as `in` takes.'),
          description: z.string().meta({ description: 'What it stands for.', example: 'The teams.' }),
        }),
      )
      .meta({ description: 'What conditions can compare with, of whoever asks.' }),
  })
  .meta({ id: 'Permissions', description: 'What roles can say: all resources, fields, actions and variables.' })

const variables = [
  { name: '$me.id', isList: false, description: 'The id of the member or key.' },
  { name: '$me.teamIds', isList: true, description: 'The teams that it is in.' },
  { name: '$me.businessUnitIds', isList: true, description: 'The business units that it sees.' },
  { name: '$me.countries', isList: true, description: 'The countries that its teams serve.' },
]

/** What a role can be made of, for whoever writes roles or reads them: what editors of roles are built on. */
export function permissionRoutes(app: FastifyInstance, { db }: Deps): void {
  app.get('/v1/permissions', {
    config: { access: { action: 'read', resource: 'roles' } },
    schema: operation('permissions.list', 'List what roles can say', {
      response: { 200: answer },
      description: 'Every resource with its fields, those that the tenant has defined among them, and every action.',
    }),
    handler: async (request) => {
      const caller = callerOf(request)
      const plan = () => ({ key: 'permissions', values: {}, parts: () => [aboutRoles] })
      await db.read(caller, { action: 'read', resource: 'roles' }, plan)
      return permissions(caller.principal)
    },
  })
}

function permissions({ ability: { models } }: Principal): z.infer<typeof answer> {
  return {
    actions: Object.entries(actions).map(([name, description]) => ({ name, description })),
    resources: resourcesOf(models),
    variables,
  }
}

function resourcesOf(models: Models): z.infer<typeof answer>['resources'] {
  return [...models.values()].map((model) => {
    return {
      name: model.name,
      ...(isResource(model) ? { description: model.description } : {}),
      partOf: model.within?.model.name ?? null,
      fields: [...model.fields.values()].map((field) => {
        const said = field.schema.meta()?.description
        return {
          name: field.name,
          kind: field.kind,
          ...(said === undefined ? {} : { description: said }),
          mask: field.mask,
          maskable: field.mask !== 'hidden',
          writable: writableWhen(model, field),
          filterable: field.filterable,
          sortable: field.sortable,
          searchable: field.search !== null,
          operators:
            field.name === model.custom?.group ? [] : operatorsOf(field.kind).filter((op) => op !== 'startsWith'),
          custom: field.stored !== null,
        }
      }),
    }
  })
}
