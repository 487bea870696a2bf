import { z } from 'zod'
import { customFields } from '../../access/custom-field.ts'
import { commonFields, defineResource, idOf } from '../../access/define.ts'
import { declareMerged, declareTombstone } from '../../access/tombstone.ts'
import { sql } from '../../db/sql.ts'
import { contact } from '../../db/tables/contact.ts'
import { contactCustomValue } from '../../db/tables/custom-field.ts'
import { customValues } from '../custom-fields/value.ts'
import {
  country,
  email,
  exactEmail,
  exactPhone,
  language,
  phone,
  subdivision,
  tags,
  text,
  timezone,
  word,
} from '../values.ts'

const residence = z
  .strictObject({
    country: country('The country where the person lives.').nullish(),
    subdivision: subdivision('The state or province where the person lives; some privacy laws depend on it.').nullish(),
    source: word('How this is known.', 'provided').nullish(),
  })
  .meta({ id: 'Residence', description: 'Where the person lives, which decides whose privacy law protects them.' })

const address = z
  .strictObject({
    street: text(200, 'Street and house number.', 'Hauptstraße 1').nullish(),
    city: text(100, 'The town.', 'Köln').nullish(),
    postalCode: text(20, 'The postal code.', '50667').nullish(),
    region: text(100, 'The state or province.', 'NRW').nullish(),
    country: country('The country.').nullish(),
  })
  .meta({ id: 'PostalAddress', description: 'A postal address.' })

const externalIds = z
  .array(
    z.strictObject({
      system: word('The other system.', 'crm'),
      id: text(200, 'The person’s id there.', 'C-1042'),
    }),
  )
  .max(20)
  .meta({
    description: 'The person’s ids in other systems, one per system; each is unique per business unit and system.',
    example: [{ system: 'crm', id: 'C-1042' }],
  })

export const contacts = defineResource({
  name: 'contacts',
  title: 'Contact',
  description: 'A person outside, as one business unit knows them.',
  table: contact,
  tenant: contact.tenantId,
  id: contact.id,
  unit: contact.businessUnitId,
  subject: sql`${contact.id}`,
  state: contact.state,
  custom: customFields('customFields', contactCustomValue, {
    tenant: contact.tenantId,
    id: contact.id,
    record: contactCustomValue.contactId,
  }),
  fields: {
    ...commonFields(contact),
    displayName: {
      column: contact.displayName,
      schema: text(200, 'The name that people see.', 'Anna Müller'),
      write: 'always',
      mask: 'name',
      search: 'text',
    },
    givenName: {
      column: contact.givenName,
      schema: text(100, 'The given name.', 'Anna'),
      write: 'always',
      mask: 'name',
      search: 'text',
    },
    familyName: {
      column: contact.familyName,
      schema: text(100, 'The family name.', 'Müller'),
      write: 'always',
      mask: 'name',
      search: 'text',
    },
    email: {
      column: contact.email,
      schema: email('The primary email address; need not be unique.'),
      write: 'always',
      mask: 'email',
      search: 'email',
      exact: exactEmail,
    },
    phone: {
      column: contact.phone,
      schema: phone('The primary phone number in E.164; need not be unique.'),
      write: 'always',
      mask: 'phone',
      search: 'phone',
      exact: exactPhone,
    },
    company: { column: contact.company, schema: word('The company.', 'Müller GmbH'), write: 'always', search: 'text' },
    jobTitle: { column: contact.jobTitle, schema: word('The position there.', 'Buyer'), write: 'always' },
    country: {
      column: contact.country,
      schema: country('The country that the person is served from.'),
      write: 'always',
    },
    residence: {
      value: sql`CASE WHEN num_nonnulls(${contact.residenceCountry}, ${contact.residenceSubdivision}, ${contact.residenceSource}) > 0 THEN json_strip_nulls(json_build_object('country', ${contact.residenceCountry}, 'subdivision', ${contact.residenceSubdivision}, 'source', ${contact.residenceSource})) END`,
      kind: 'json',
      schema: residence,
      write: 'always',
    },
    language: {
      column: contact.language,
      schema: language('The language the person prefers (BCP 47).'),
      write: 'always',
    },
    timezone: { column: contact.timezone, schema: timezone('The person’s time zone.'), write: 'always' },
    birthDate: {
      column: contact.birthDate,
      schema: z.iso.date().meta({ description: 'The date of birth.', example: '1988-04-01' }),
      write: 'always',
    },
    address: { column: contact.address, schema: address, write: 'always' },
    lifecycleStage: {
      column: contact.lifecycleStage,
      kind: 'choice',
      schema: z
        .enum(['lead', 'prospect', 'customer', 'former'])
        .meta({ description: 'How far the person has come.', example: 'lead' }),
      write: 'always',
      unset: 'lead',
      mask: 'hidden',
    },
    followUpStatus: {
      column: contact.followUpStatus,
      schema: word('Where the follow-up stands, in the tenant’s words.', 'to call'),
      write: 'always',
    },
    intent: {
      column: contact.intent,
      schema: word('What the person wants, in the tenant’s words.', 'renewal'),
      write: 'always',
    },
    intentScore: {
      column: contact.intentScore,
      schema: z.int().min(0).max(100).meta({ description: 'How likely, 0 to 100.', example: 70 }),
      write: 'always',
    },
    tags: { column: contact.tags, schema: tags('The tags that the contact carries.'), write: 'always' },
    customFields: {
      value: sql`'{}'::jsonb`,
      kind: 'json',
      filter: false,
      schema: customValues,
      nullable: false,
      write: 'always',
    },
    ownerId: { column: contact.ownerId, schema: idOf('The member who looks after the person.'), write: 'always' },
    teamId: { column: contact.teamId, schema: idOf('The team that looks after the person.'), write: 'always' },
    businessUnitId: {
      column: contact.businessUnitId,
      schema: idOf('The business unit that knows the person; set once.'),
      write: 'create',
    },
    externalIds: { column: contact.externalIds, schema: externalIds, nullable: false, write: 'always', unset: [] },
    source: { column: contact.source, schema: word('Where the contact came from.', 'website'), write: 'always' },
    subjectId: {
      value: sql`(SELECT coalesce(s.merged_into_id, s.id) FROM app.subject s WHERE s.tenant_id = ${contact.tenantId} AND s.id = ${contact.subjectId})`,
      kind: 'uuid',
      schema: idOf('The human behind it, across business units; for privacy work only.'),
      needs: 'subjects',
      filter: false,
      sort: false,
      derived: true,
    },
    restricted: {
      column: contact.restricted,
      schema: z.boolean().meta({ description: 'Processing is restricted (GDPR art. 18).', example: false }),
    },
    held: {
      column: contact.held,
      schema: z.boolean().meta({ description: 'A legal hold forbids erasing.', example: false }),
    },
  },
})

// What an erased person leaves behind: nothing of what is known of them.
declareTombstone(contacts, [
  ...Object.keys(commonFields(contact)),
  'businessUnitId',
  'ownerId',
  'teamId',
  'restricted',
  'held',
])

declareMerged(contacts, contact.mergedIntoId)
