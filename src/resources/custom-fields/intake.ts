import { z } from 'zod'
import type { JsonObject } from '../../channels/json.ts'
import { type Touched, touches } from '../../db/audit-event.ts'
import type { Tx } from '../../db/database.ts'
import { newId } from '../../db/new-id.ts'
import { sql } from '../../db/sql.ts'
import { policyChanged } from '../roles/policy-version.ts'

/** What comes in may define this many fields and no more: whoever fills in a form must not fill a tenant's settings. */
const discoveredMax = 300

const day = z.iso.date()

/** The custom values that an event tells of a contact. */
export interface IncomingValues {
  contactId: string
  customFields: JsonObject
}

/**
 * Keeps what came in beside what is known: a value that is there already stays. A field that nobody has defined comes
 * into being with its first value, unclassified, and so seen like personal data; a value that its field cannot hold
 * stays in the raw event only.
 * @returns what was touched beside the contacts
 */
export async function keepIncoming(tx: Tx, unitId: string, incoming: readonly IncomingValues[]): Promise<Touched[]> {
  const rows = incoming.flatMap(({ contactId, customFields }) =>
    Object.entries(customFields).map(([key, value]) => ({
      contactId,
      key,
      value,
      day: day.safeParse(value).data,
    })),
  )
  if (rows.length === 0) return []
  const discovered = await discover(tx, rows)
  await tx.query(sql`INSERT INTO app.contact_custom_value (tenant_id, contact_id, field_id, business_unit_id, text_value, number_value, boolean_value, date_value)
    SELECT * FROM (
      SELECT f.tenant_id, w."contactId", f.id, ${unitId}::uuid,
        CASE WHEN f.type = 'text' AND length(v.text) <= 2000 OR f.type = 'choice' AND f.options @> jsonb_build_array(jsonb_build_object('value', v.text)) THEN v.text END,
        CASE WHEN f.type = 'number' AND jsonb_typeof(w.value) = 'number' THEN v.text::numeric END,
        CASE WHEN f.type = 'boolean' AND jsonb_typeof(w.value) = 'boolean' THEN v.text::boolean END,
        CASE WHEN f.type = 'date' THEN w.day END
      FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS w("contactId" uuid, key text, value jsonb, day date)
      CROSS JOIN LATERAL (SELECT w.value #>> '{}' AS text) AS v
      JOIN app.custom_field f ON f.tenant_id = ${tx.principal.tenantId}::uuid AND f.resource = 'contacts' AND f.key = w.key AND f.state = 'active'
    ) AS fitting (tenant_id, contact_id, field_id, business_unit_id, text_value, number_value, boolean_value, date_value)
    WHERE num_nonnulls(text_value, number_value, boolean_value, date_value) = 1
    ON CONFLICT DO NOTHING`)
  return discovered
}

async function discover(tx: Tx, rows: readonly { key: string; value: unknown }[]): Promise<Touched[]> {
  const samples = new Map(rows.map(({ key, value }) => [key, value]))
  const fields = [...samples].map(([key, value]) => ({ id: newId(), key, type: typeOf(value) }))
  const made = await tx.query<{ id: string; version: number }>(sql`
    INSERT INTO app.custom_field (tenant_id, id, resource, key, type, origin)
    SELECT ${tx.principal.tenantId}::uuid, w.id, 'contacts', w.key, w.type, 'provided'
      FROM jsonb_to_recordset(${JSON.stringify(fields)}::jsonb) AS w(id uuid, key text, type text)
     WHERE NOT EXISTS (SELECT FROM app.custom_field f WHERE f.tenant_id = ${tx.principal.tenantId}::uuid AND f.resource = 'contacts' AND f.key = w.key AND f.state = 'active')
     LIMIT greatest(0, ${discoveredMax}::int - (SELECT count(*)::int FROM app.custom_field f WHERE f.tenant_id = ${tx.principal.tenantId}::uuid AND f.resource = 'contacts'))
    ON CONFLICT (tenant_id, resource, key) WHERE state = 'active' DO NOTHING RETURNING id, version`)
  if (made.length === 0) return []
  await policyChanged(tx)
  return touches('custom-fields', made, ['resource', 'key', 'type'], () => null)
}

const typeOf = (value: unknown): 'number' | 'boolean' | 'text' =>
  typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'text'
