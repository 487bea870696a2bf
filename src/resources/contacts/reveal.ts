import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Field } from '../../access/model.ts'
import { clearQuota, clearQuotaValues } from '../../db/clear-quota.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { lockRow } from '../../db/row-changes.ts'
import { unknownField } from '../../db/rows.ts'
import { named, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce } from '../../http/idempotency.ts'
import { customName } from '../../http/list-parameters.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { described, idParams } from '../../http/schema.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import { text } from '../values.ts'
import { contacts } from './schema.ts'

const bodyOf = (field: z.ZodType<string>) =>
  z.strictObject({
    fields: z
      .array(field)
      .min(1)
      .max(10)
      .meta({ description: 'The masked fields to see in clear.', example: ['phone'] }),
    reason: text(500, 'Why; kept sealed in the audit.', 'Customer asked to be called back'),
  })

const customNames = contacts.custom ? [customName(contacts.custom)] : []

// Whether there is such a field is for the door to say, in the same words for all that cannot be used.
const body = described(
  () =>
    bodyOf(
      z.union([z.enum([...contacts.fields.keys()].filter((name) => name !== 'customFields')), ...customNames]),
    ).meta({
      id: 'Reveal',
      description: 'A wish to see masked fields of one contact in clear, once.',
    }),
  bodyOf(z.string().min(1).max(120)),
)

const answer = z
  .object({
    id: z.uuid().meta({ description: 'The contact’s id.' }),
    fields: contacts.answer
      .omit({ id: true, maskedFields: true })
      .meta({ description: 'The clear values by field.', example: { phone: '+4917012345678' } }),
  })
  .meta({ id: 'Revealed', description: 'The clear values, this once.' })

export function revealRoute(app: FastifyInstance, { db }: Deps): void {
  app.post('/v1/contacts/:id/reveal', {
    config: { access: { action: 'reveal', resource: 'contacts' } },
    schema: operation('contacts.reveal', 'See masked fields in clear, once', {
      params: idParams,
      body,
      response: { 200: answer },
      errors: ['quota_exceeded'],
      idempotent: true,
      description:
        'For whoever sees a contact masked and needs a value in clear: some fields, with a reason, counted against a daily quota, and recorded.',
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const { fields, reason } = body.parse(request.body)
      const caller = callerOf(request)
      const entry = { action: 'reveal', resource: 'contacts' } as const
      const work = async (tx: Tx) => ({ id, record: await reveal(tx, id, fields, reason) })
      // Clear values are kept nowhere: a repetition is one more look, recorded and counted as such.
      const again = async () => (await db.change(caller, entry, work)).record
      return (await changeOnce(db, caller, request, reply, entry, work, again)).record
    },
  })
}

async function reveal(tx: Tx, id: string, fields: readonly string[], reason: string): Promise<JsonRow> {
  const { principal } = tx
  const { clear } = await lockRow(tx, contacts, id, 'reveal')
  const known = principal.ability.fields(contacts)
  for (const [i, name] of fields.entries()) {
    const seen =
      known.has(name) &&
      // The group of all custom fields is no field: each is asked for by itself.
      name !== contacts.custom?.group &&
      (principal.ability.can('read', contacts, clear, name) || principal.ability.can('mask', contacts, clear, name))
    if (!seen) throw new Problem('invalid_request', { errors: [unknownField(`/fields/${i}`, name)] })
  }
  const statement = tx.kept('clear-quota', () => clearQuota(sql`${named('count')}::int`, sql`(SELECT 1) AS one`))
  const [use] = await tx.query(statement, { ...clearQuotaValues(principal), count: fields.length })
  if (!use) throw new Problem('quota_exceeded', { recordIds: [id], refused: { fields, subjectIds: [id] } })
  // Under the contact's own key: when the person is erased, what was said about them is unreadable too.
  tx.note((await contactKey(tx, id)).seal(reason, `note/contacts/${id}`))
  tx.touch({ resource: 'contacts', ids: [id], shown: fields, subjectIds: [id] })
  return {
    id,
    fields: clearValues(
      clear,
      fields.flatMap((name) => known.get(name) ?? []),
    ),
  }
}

/** The values as records hold them: those of custom fields within their group. */
function clearValues(clear: JsonRow, fields: readonly Field[]): JsonRow {
  const values: Record<string, unknown> = {}
  for (const { name, stored } of fields) {
    if (!stored) values[name] = clear[name] ?? null
    else {
      const [all, shown] = [clear[stored.group], values[stored.group]]
      const value = isObject(all) ? (all[stored.key] ?? null) : null
      values[stored.group] = { ...(isObject(shown) ? shown : {}), [stored.key]: value }
    }
  }
  return values
}

const isObject = (value: unknown): value is JsonRow => typeof value === 'object' && value !== null
