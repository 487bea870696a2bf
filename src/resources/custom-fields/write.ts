import type { Resource } from '../../access/define.ts'
import type { CustomFieldType } from '../../access/model.ts'
import type { JsonRow } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { type Fault, Problem } from '../../errors.ts'
import type { Change } from '../../http/record-changes.ts'
import { checkReference } from './reference.ts'
import { type Definition, valueFault } from './valid.ts'

/** The column of a value, by its field’s type. */
const columns: Record<CustomFieldType, string> = {
  text: 'text_value',
  choice: 'text_value',
  number: 'number_value',
  money: 'number_value',
  boolean: 'boolean_value',
  date: 'date_value',
  multiChoice: 'list_value',
  reference: 'uuid_value',
}

/**
 * Writes the values of a contact's custom fields that a body names: checked against their definitions, null removed.
 * Whether they may be set has been decided; the contact's own row may follow.
 * @throws Problem unprocessable: a value that its field does not take, a required one that is missing
 */
export async function writeCustomValues({ tx, id, body, before, after }: Change, resource: Resource): Promise<void> {
  const given = isObject(body.customFields) ? Object.entries(body.customFields) : []
  if (given.length === 0 && before !== null) return
  const { tenantId } = tx.principal
  const definitions = await tx.query<Definition>(sql`
    SELECT f.id, f.key, f.type, f.format, f.currency, f.reference_to AS "referenceTo", f.options, f.required, f.minimum::float8, f.maximum::float8, f.max_length AS "maxLength"
      FROM app.custom_field f WHERE f.tenant_id = ${tenantId}::uuid AND f.resource = ${resource.name} AND f.state = 'active'
       AND (f.required OR f.key = ANY (${sql.param(given.map(([key]) => key))}::text[]))`)
  const byKey = new Map(definitions.map((one) => [one.key, one]))
  const faults = [
    ...given.flatMap(([key, value]) => {
      const definition = byKey.get(key)
      return definition && value !== null ? valueFault(definition, value) : []
    }),
    ...missing(definitions, after.customFields, before === null ? null : new Set(given.map(([key]) => key))),
    ...(await Promise.all(
      given.map(async ([key, value]) => {
        const definition = byKey.get(key)
        return definition?.referenceTo && typeof value === 'string' ? checkReference(tx, definition, value) : []
      }),
    ).then((found) => found.flat())),
  ]
  if (faults.length > 0) throw new Problem('unprocessable', { errors: faults })
  const known = given.flatMap(([key, value]) => {
    const field = byKey.get(key)
    return field ? [{ field, value }] : []
  })
  const gone = known.filter(({ value }) => value === null || (Array.isArray(value) && value.length === 0))
  const kept = known.filter((one) => !gone.includes(one))
  if (gone.length > 0)
    await tx.query(sql`DELETE FROM app.contact_custom_value WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${id}::uuid
      AND field_id = ANY (${sql.param(gone.map(({ field }) => field.id))}::uuid[])`)
  if (kept.length === 0) return
  const rows = kept.map(({ field, value }) => ({ field_id: field.id, [columns[field.type]]: storedAs(value) }))
  await tx.query(sql`INSERT INTO app.contact_custom_value (tenant_id, contact_id, field_id, business_unit_id, text_value, number_value, boolean_value, date_value, list_value, uuid_value)
    SELECT ${tenantId}::uuid, ${id}::uuid, w.field_id, ${String(after.businessUnitId)}::uuid, w.text_value, w.number_value, w.boolean_value, w.date_value, w.list_value, w.uuid_value
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS w(field_id uuid, text_value text, number_value numeric, boolean_value boolean, date_value date, list_value text[], uuid_value uuid)
    ON CONFLICT (tenant_id, contact_id, field_id) DO UPDATE SET text_value = EXCLUDED.text_value, number_value = EXCLUDED.number_value,
      boolean_value = EXCLUDED.boolean_value, date_value = EXCLUDED.date_value, list_value = EXCLUDED.list_value, uuid_value = EXCLUDED.uuid_value`)
}

/** Required fields without a value: of a new record all of them, later only one that the body takes away. */
function missing(definitions: readonly Definition[], values: unknown, asked: ReadonlySet<string> | null): Fault[] {
  const present = isObject(values) ? values : {}
  return definitions.flatMap(({ key, required }) => {
    const value = present[key] ?? null
    const isAbsent = value === null || (Array.isArray(value) && value.length === 0)
    return required && isAbsent && (asked === null || asked.has(key))
      ? [{ path: `/customFields/${key}`, code: 'required', message: 'This field must have a value.' }]
      : []
  })
}

/** Money is kept as its amount: the currency is the field's. */
const storedAs = (value: unknown): unknown => (isObject(value) ? value.amount : value)

const isObject = (value: unknown): value is JsonRow =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
