import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Resource } from '../access/define.ts'
import type { Field } from '../access/model.ts'
import { clearQuota, clearQuotaValues } from '../db/clear-quota.ts'
import type { JsonRow, Tx } from '../db/database.ts'
import { lockRow } from '../db/row-changes.ts'
import { unknownField } from '../db/rows.ts'
import { named, sql } from '../db/sql.ts'
import { Problem } from '../errors.ts'
import { contactKey } from '../privacy/contact-keys.ts'
import { goneErrors } from './collection-operations.ts'
import { callerOf } from './guard.ts'
import { changeOnce } from './idempotency.ts'
import { customName } from './list-parameters.ts'
import { operation } from './operation.ts'
import { subjectOf } from './record-changes.ts'
import type { Deps } from './records.ts'
import { described, idParams } from './schema.ts'

/** What can be asked for of a resource, and what is answered. `example` is one of its fields, with a clear value. */
function shapes(resource: Resource, example: { field: string; value: unknown }) {
  const bodyOf = (field: z.ZodType<string>) =>
    z.strictObject({
      fields: z
        .array(field)
        .min(1)
        .max(10)
        .meta({ description: 'The masked fields to see in clear.', example: [example.field] }),
      reason: z
        .string()
        .min(1)
        .max(500)
        .refine(
          (reason) => reason.isWellFormed() && !reason.includes('\0'),
          'Text holds a NUL or half of a surrogate pair.',
        )
        .meta({ description: 'Why; kept sealed in the audit.', example: 'Customer asked to be called back' }),
    })
  const group = resource.custom?.group
  const names = z.enum([...resource.fields.keys()].filter((name) => name !== group))
  const words = resource.title.toLowerCase()
  return {
    // Whether there is such a field is for the door to say, in the same words for all that cannot be used.
    body: described(
      () =>
        bodyOf(resource.custom ? z.union([names, customName(resource.custom)]) : names).meta({
          id: `${resource.title}Reveal`,
          description: `A wish to see masked fields of one ${words} in clear, once.`,
        }),
      bodyOf(z.string().min(1).max(120)),
    ),
    answer: z
      .object({
        id: z.uuid().meta({ description: `The ${words}’s id.` }),
        fields: resource.answer
          .omit({ id: true, maskedFields: true })
          .meta({ description: 'The clear values by field.', example: { [example.field]: example.value } }),
      })
      .meta({ id: `${resource.title}Revealed`, description: 'The clear values, this once.' }),
  }
}

/** `POST /v1/<noun>/{id}/reveal`, for a noun whose records each concern a contact. */
export function revealRoute(
  app: FastifyInstance,
  { db }: Deps,
  resource: Resource,
  example: { field: string; value: unknown },
): void {
  const { body, answer } = shapes(resource, example)
  const entry = { action: 'reveal', resource: resource.name } as const
  app.post(`/v1/${resource.name}/:id/reveal`, {
    config: { access: entry },
    schema: operation(`${resource.name}.reveal`, 'See masked fields in clear, once', {
      params: idParams,
      body,
      response: { 200: answer },
      errors: ['quota_exceeded', ...goneErrors(resource)],
      idempotent: true,
      description: `For whoever sees a ${resource.title.toLowerCase()} masked and needs a value in clear: some fields, with a reason, counted against a daily quota, and recorded.`,
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const { fields, reason } = body.parse(request.body)
      const caller = callerOf(request)
      const work = async (tx: Tx) => ({ id, record: await reveal(tx, resource, id, fields, reason) })
      // Clear values are kept nowhere: a repetition is one more look, recorded and counted as such.
      const again = async () => (await db.change(caller, entry, work)).record
      return (await changeOnce(db, caller, request, reply, entry, work, again)).record
    },
  })
}

async function reveal(
  tx: Tx,
  resource: Resource,
  id: string,
  fields: readonly string[],
  reason: string,
): Promise<JsonRow> {
  const { principal } = tx
  const { clear, seen } = await lockRow(tx, resource, id, 'reveal')
  const known = principal.ability.fields(resource)
  for (const [i, name] of fields.entries()) {
    // As the record itself shows it: a key that acts for a member sees masked what one of the two sees only masked.
    const isSeen =
      known.has(name) &&
      // The group of all custom fields is no field: each is asked for by itself.
      name !== resource.custom?.group &&
      (seen.shown.includes(name) || seen.masked.includes(name))
    if (!isSeen) throw new Problem('invalid_request', { errors: [unknownField(`/fields/${i}`, name)] })
  }
  const subjectId = subjectOf(resource, clear)
  if (subjectId === null) throw new Error(`a ${resource.title} that concerns nobody has nothing to reveal`)
  const statement = tx.kept('clear-quota', () => clearQuota(sql`${named('count')}::int`, sql`(SELECT 1) AS one`))
  const [use] = await tx.query(statement, { ...clearQuotaValues(principal), count: fields.length })
  if (!use) throw new Problem('quota_exceeded', { recordIds: [id], refused: { fields, subjectIds: [subjectId] } })
  // So that it is sealed under the contact's own key: when the person is erased, what was said about them is unreadable too.
  await contactKey(tx, subjectId)
  tx.note({ reason })
  tx.touch({ resource: resource.name, ids: [id], shown: fields, subjectIds: [subjectId] })
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
      const value = isObject(all) && Object.hasOwn(all, stored.key) ? all[stored.key] : null
      values[stored.group] = { ...(isObject(shown) ? shown : {}), [stored.key]: value }
    }
  }
  return values
}

const isObject = (value: unknown): value is JsonRow => typeof value === 'object' && value !== null
