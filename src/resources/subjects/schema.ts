import { z } from 'zod'
import { defineResource, idOf } from '../../access/define.ts'
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
  // Not since when they are known: whoever sees one unit would learn that another one knew them before.
  fields: {
    id: { column: subject.id, schema: idOf('The subject’s id.') },
  },
})

export const subjectAnswer = subjects.answer
  .extend({
    contacts: z
      .array(contacts.answer)
      .optional()
      .meta({ description: 'Their contacts in the business units that you see, each as you may see it.' }),
  })
  .meta({ id: 'SubjectWithContacts', description: subjects.description })
