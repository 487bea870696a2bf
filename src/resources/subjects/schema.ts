import { z } from 'zod'
import { defineResource, idOf, time } from '../../access/define.ts'
import { literals } from '../../access/literal.ts'
import { sql } from '../../db/sql.ts'
import { contact } from '../../db/tables/contact.ts'
import { subject } from '../../db/tables/subject.ts'
import { contacts } from '../contacts/schema.ts'

export const subjects = defineResource({
  name: 'subjects',
  title: 'Subject',
  description: 'The same human across business units, known by verified addresses. For privacy work only.',
  table: subject,
  tenant: subject.tenantId,
  id: subject.id,
  // Whoever sees some business units knows of the humans whom these know.
  rows: ({ units }) =>
    units === '*'
      ? null
      : sql`EXISTS (SELECT FROM ${contact} WHERE ${contact.tenantId} = ${subject.tenantId} AND ${contact.businessUnitId} = ANY (${literals(units)}::uuid[])
          AND ${contact.subjectId} IN (SELECT j.id FROM ${subject} AS j WHERE j.tenant_id = ${subject.tenantId} AND (j.id = ${subject.id} OR j.merged_into_id = ${subject.id})))`,
  fields: {
    id: { column: subject.id, schema: idOf('The subject’s id.') },
    createdAt: { column: subject.createdAt, schema: time('Since when they are known.') },
  },
})

export const subjectAnswer = subjects.answer
  .extend({
    contacts: z
      .array(contacts.answer)
      .meta({ description: 'Their contacts in the business units that you see, each as you may see it.' }),
  })
  .meta({ id: 'SubjectWithContacts', description: subjects.description })
