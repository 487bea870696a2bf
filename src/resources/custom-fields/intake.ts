import type { JsonObject } from '../../channels/json.ts'
import { type Touched, touches, type Versioned } from '../../db/audit-event.ts'
import type { RecordChange } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { newId } from '../../db/new-id.ts'
import { array, sql } from '../../db/sql.ts'
import { policyChanged } from '../roles/policy-version.ts'
import { definitionList } from './definition.ts'
import { valuesAdd } from './stored.ts'
import { inferredType } from './undefined-keys.ts'
import { valueFault } from './valid.ts'
import { customKeyOf, customValue } from './value.ts'

/** What comes in may define this many fields and no more: whoever fills in a form must not fill a tenant's settings. */
const discoveredMax = 300

/** The custom values that an event tells of a contact, under the names that whoever sent it uses. */
export interface IncomingValues {
  contactId: string
  customFields: JsonObject
}

/**
 * Keeps what came in beside what is known: a value that is there already stays. A field that nobody has defined comes
 * into being with its first value, unclassified, and so seen like personal data; one that has been deleted does not come
 * back. A value that its field cannot hold stays in the raw event only.
 * @returns what was touched beside the contacts, and what has become of these
 */
export async function keepIncoming(
  tx: Tx,
  unitId: string,
  incoming: readonly IncomingValues[],
): Promise<{ discovered: Touched[]; values: RecordChange[] }> {
  const values = incoming.flatMap(({ contactId, customFields }) =>
    Object.entries(customFields).flatMap(([name, value]) =>
      customValue.safeParse(value).success ? [{ contactId, name, key: customKeyOf(name), value }] : [],
    ),
  )
  if (values.length === 0) return { discovered: [], values: [] }
  const discovered = await discover(tx, values)
  const keys = new Set(values.map(({ key }) => key))
  const definitions = await definitionList(tx, 'contacts', [...keys])
  const fitting = values.flatMap(({ contactId, key, value }) => {
    const field = definitions.find((one) => one.key === key)
    // Nobody has said what a channel may refer to.
    const fits = field && field.type !== 'reference' && valueFault(field, value).length === 0
    return fits ? [{ contactId, field, value }] : []
  })
  const added = await valuesAdd(tx, unitId, fitting)
  const changes = added.map(({ contactId, field, value }) => {
    const name = `customFields.${field.key}`
    return { id: contactId, subjectId: contactId, before: { [name]: null }, after: { [name]: value } }
  })
  return { discovered, values: changes }
}

async function discover(tx: Tx, values: readonly { name: string; key: string; value: unknown }[]): Promise<Touched[]> {
  const { tenantId } = tx.principal
  const samples = new Map(values.map((one) => [one.key, one]))
  const isNew = sql`NOT EXISTS (SELECT FROM app.custom_field f WHERE f.tenant_id = ${tenantId}::uuid AND f.resource = 'contacts' AND f.key = w.key)`
  const room = sql`greatest(0, ${discoveredMax}::int - (SELECT count(*)::int FROM app.custom_field f WHERE f.tenant_id = ${tenantId}::uuid AND f.resource = 'contacts'))`
  const found = await tx.query<{ key: string }>(
    sql`SELECT w.key FROM unnest(${array([...samples.keys()], 'text')}) AS w(key) WHERE ${isNew} LIMIT ${room}`,
  )
  if (found.length === 0) return []
  // First: definitions are made one after the other, so that two of the same name do not wait for each other.
  await policyChanged(tx)
  const fields = found.flatMap(({ key }) => {
    const sample = samples.get(key)
    if (!sample) return []
    const labels = sample.name === key ? {} : { und: sample.name }
    return [{ id: newId(), key, type: inferredType(sample.value) ?? 'text', labels }]
  })
  const made = await tx.query<Versioned>(sql`
    INSERT INTO app.custom_field (tenant_id, id, resource, key, type, labels, origin)
    SELECT ${tenantId}::uuid, w.id, 'contacts', w.key, w.type, w.labels, 'provided'
      FROM jsonb_to_recordset(${JSON.stringify(fields)}::jsonb) AS w(id uuid, key text, type text, labels jsonb)
     WHERE ${isNew} LIMIT ${room} RETURNING id, version`)
  return touches('custom-fields', made, ['resource', 'key', 'type'], () => null)
}
