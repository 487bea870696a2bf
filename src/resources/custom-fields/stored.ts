import { columnOf } from '../../access/custom-field.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { type SQL, sql } from '../../db/sql.ts'
import { contactCustomValue } from '../../db/tables/custom-field.ts'
import type { Definition } from './definition.ts'

/** Of the columns one holds the value: that of its field’s type. */
const valueColumns = ['text_value', 'number_value', 'boolean_value', 'date_value', 'list_value', 'uuid_value']

/** A value of a contact that its field takes. */
export interface StoredValue {
  contactId: string
  field: Definition
  value: unknown
}

/** Sets values, in place of those that are there. */
export async function valuesSet(tx: Tx, unitId: string, values: readonly StoredValue[]): Promise<void> {
  const sets = sql.raw(valueColumns.map((name) => `${name} = EXCLUDED.${name}`).join())
  await insert(tx, unitId, values, sql`(tenant_id, contact_id, field_id) DO UPDATE SET ${sets}`)
}

/** Adds values where there are none. @returns those that were added */
export async function valuesAdd(tx: Tx, unitId: string, values: readonly StoredValue[]): Promise<StoredValue[]> {
  const added = await insert(tx, unitId, values, sql`DO NOTHING`)
  const keys = new Set(added.map((row) => `${row.contact_id}/${row.field_id}`))
  return values.filter(({ contactId, field }) => keys.has(`${contactId}/${field.id}`))
}

async function insert(
  tx: Tx,
  unitId: string,
  values: readonly StoredValue[],
  onConflict: SQL,
): Promise<{ contact_id: string; field_id: string }[]> {
  if (values.length === 0) return []
  const rows = values.map(({ contactId, field, value }) => ({
    contact_id: contactId,
    field_id: field.id,
    [columnOf(contactCustomValue, field.type).name]: storedAs(value),
  }))
  return tx.query(sql`INSERT INTO app.contact_custom_value (tenant_id, contact_id, field_id, business_unit_id, text_value, number_value, boolean_value, date_value, list_value, uuid_value)
    SELECT ${tx.principal.tenantId}::uuid, w.contact_id, w.field_id, ${unitId}::uuid, w.text_value, w.number_value, w.boolean_value, w.date_value, w.list_value, w.uuid_value
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS w(contact_id uuid, field_id uuid, text_value text, number_value float8, boolean_value boolean, date_value date, list_value text[], uuid_value uuid)
    ON CONFLICT ${onConflict} RETURNING contact_id, field_id`)
}

/** Money is kept as its amount: the currency is the field's. */
const storedAs = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'amount' in value ? (value as JsonRow).amount : value

/** Removes values of a contact. */
export async function valuesRemove(tx: Tx, contactId: string, fields: readonly Definition[]): Promise<void> {
  if (fields.length === 0) return
  await tx.query(sql`DELETE FROM app.contact_custom_value WHERE tenant_id = ${tx.principal.tenantId}::uuid AND contact_id = ${contactId}::uuid
    AND field_id = ANY (${sql.param(fields.map(({ id }) => id))}::uuid[])`)
}
