import type { TestService } from '../../harness/service.ts'
import { phone, put, word } from './rows.ts'

/** A custom field of the house: its definition, and a value of it. */
const kinds: Readonly<Record<string, { body: Record<string, unknown>; column: string; value: () => unknown }>> = {
  shoeSize: { body: { type: 'number', classification: 'general' }, column: 'number_value', value: number(38, 46) },
  colour: { body: { type: 'text', classification: 'general' }, column: 'text_value', value: () => word('Colour') },
  nickname: {
    body: { type: 'text', format: 'name', classification: 'personal' },
    column: 'text_value',
    value: () => word('Nick'),
  },
  otherPhone: {
    body: { type: 'text', format: 'phone', classification: 'personal' },
    column: 'text_value',
    value: () => phone(),
  },
  diagnosis: { body: { type: 'text', classification: 'sensitive' }, column: 'text_value', value: () => word('Ill') },
  unsorted: { body: { type: 'text' }, column: 'text_value', value: () => word('Unsorted') },
  salary: {
    body: { type: 'money', currency: 'EUR', classification: 'sensitive' },
    column: 'number_value',
    value: number(310_000, 990_000),
  },
  hiredOn: { body: { type: 'date', classification: 'personal' }, column: 'date_value', value: () => '2019-07-13' },
  smoker: { body: { type: 'boolean', classification: 'sensitive' }, column: 'boolean_value', value: () => true },
  plan: {
    body: { type: 'choice', classification: 'personal', options: [{ value: 'gold' }, { value: 'tin' }] },
    column: 'text_value',
    value: () => 'gold',
  },
  hobbies: {
    body: { type: 'multiChoice', classification: 'personal', options: [{ value: 'chess' }, { value: 'go' }] },
    column: 'list_value',
    value: () => ['chess'],
  },
}

function number(from: number, to: number): () => number {
  let next = from
  return () => (next < to ? next++ : from)
}

export type CustomIds = ReadonlyMap<string, string>

/** Defines them over HTTP; gives back their ids by key. */
export async function defineFields({ request }: TestService): Promise<CustomIds> {
  const ids = new Map<string, string>()
  for (const [key, { body }] of Object.entries(kinds)) {
    const made = await request('POST', '/v1/custom-fields', { body: { resource: 'contacts', key, ...body } })
    if (made.status !== 201) throw new Error(made.text)
    ids.set(key, made.id)
  }
  return ids
}

/** A value of each for a contact. */
export async function customValues(
  service: TestService,
  contactId: string,
  unitId: string,
  fields: CustomIds,
): Promise<void> {
  for (const [key, fieldId] of fields) {
    const kind = kinds[key]
    if (!kind) continue
    await put(service, 'contact_custom_value', {
      tenant_id: service.tenantId,
      contact_id: contactId,
      field_id: fieldId,
      business_unit_id: unitId,
      [kind.column]: kind.value(),
    })
  }
}
