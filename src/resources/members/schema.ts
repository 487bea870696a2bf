import { z } from 'zod'
import { commonFields, defineResource, time } from '../../access/define.ts'
import { member } from '../../db/tables/access.ts'
import { email, exactEmail, idList, language, purpose, revealQuota, text, timezone } from '../values.ts'
import { workingHoursSchema } from './working-hours.ts'

export const passwordSchema = z
  .string()
  .min(10, 'At least 10 characters')
  .max(200)
  .meta({ description: 'A password of at least 10 characters.', example: 'correct horse battery' })

export const members = defineResource({
  name: 'members',
  title: 'Member',
  description: 'A person who logs in.',
  table: member,
  tenant: member.tenantId,
  id: member.id,
  state: member.state,
  fields: {
    ...commonFields(member),
    email: {
      column: member.email,
      schema: email('The address to log in with.', 'agent@example.com'),
      write: 'always',
      required: true,
      search: 'email',
      mask: 'email',
      exact: exactEmail,
    },
    displayName: {
      column: member.displayName,
      schema: text(200, 'The name that colleagues see.', 'Mei Chen'),
      write: 'always',
      required: true,
      search: 'text',
      mask: 'name',
    },
    language: { column: member.language, schema: language('The member’s language.'), write: 'always' },
    languages: {
      column: member.languages,
      schema: z
        .array(language('A language.'))
        .max(20)
        .refine((all) => new Set(all).size === all.length, 'A language stands once.')
        .meta({
          description: 'The languages in which the member answers customers (BCP 47).',
          example: ['de', 'en'],
          uniqueItems: true,
        }),
      write: 'always',
    },
    workingHours: { column: member.workingHours, schema: workingHoursSchema, write: 'always', whole: true },
    isAway: {
      column: member.isAway,
      schema: z
        .boolean()
        .meta({ description: 'Whether the member is away: rules give them nothing to answer.', example: false }),
      write: 'always',
    },
    timezone: { column: member.timezone, schema: timezone('The member’s time zone.'), write: 'always' },
    status: {
      column: member.status,
      kind: 'choice',
      schema: z
        .enum(['invited', 'active', 'deactivated'])
        .meta({ description: 'invited: no password yet; deactivated: out, at once.', example: 'active' }),
      mask: 'hidden',
      write: 'always',
    },
    roleIds: { column: member.roleIds, schema: idList('The member’s roles.'), write: 'always' },
    teamIds: { column: member.teamIds, schema: idList('The member’s teams.'), write: 'always' },
    businessUnitIds: {
      column: member.businessUnitIds,
      schema: idList('The business units whose data the member sees; left out: the tenant’s first.'),
      write: 'always',
    },
    defaultPurpose: {
      column: member.defaultPurpose,
      schema: purpose('The purpose of the member’s requests, where they name none.', 'support'),
      write: 'always',
    },
    revealQuota: { column: member.revealQuota, schema: revealQuota('member'), write: 'always' },
    lastLoginAt: { column: member.lastLoginAt, schema: time('When the member last logged in.') },
  },
})
// A member may be made with a password; it is no field, since nobody ever reads it.
members.createBody = members.createBody
  .omit({ status: true })
  .extend({ password: passwordSchema.optional() })
  .strict()
  .meta({
    id: 'MemberCreate',
    description: 'What a new member is made of; without a password the answer holds a one-time link.',
  })
