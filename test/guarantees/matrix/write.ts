import type { z } from 'zod'
import type { Resource } from '../../../src/access/define.ts'
import type { Field } from '../../../src/access/model.ts'
import type { Row } from '../../harness/service.ts'
import { whatsappChannel } from '../../resources/ingest/posts.ts'
import type { Actor } from '../house/cast.ts'
import type { Ask } from '../house/http.ts'
import { heldIn } from '../house/oracle.ts'
import { phone, word } from '../house/rows.ts'
import type { Sample } from './observe.ts'

/** Values that can stand only once, and those that an answer does not show. */
const fresh: Readonly<Record<string, () => unknown>> = {
  'tags.name': () => word('Tag'),
  'roles.name': () => word('Role'),
  'teams.name': () => word('Team'),
  'custom-fields.key': () => word('key'),
  'members.email': () => `${word('member').toLowerCase()}@example.com`,
  'identities.kind': () => 'phone',
  'identities.value': () => phone(),
  // Shown as the path of what is written.
  'consent-events.evidence': () => 'She said so on the phone.',
  'contacts.externalIds': () => [{ system: 'crm', id: word('External') }],
  'channels.settings': () => whatsappChannel({ phoneNumberId: word('Number') }).settings,
}

/** A body that names one field: a custom one within its group. */
export function bodyOf(field: string, value: unknown): Record<string, unknown> {
  const [group = '', ...key] = field.split('.')
  return key.length === 0 ? { [field]: value } : { [group]: { [key.join('.')]: value } }
}

/** The fields without which a new record of the resource is refused. */
export const requiredOf = ({ createBody }: Resource): string[] =>
  Object.entries(createBody.shape as Record<string, z.ZodType>).flatMap(([name, schema]) =>
    schema.safeParse(undefined).success ? [] : [name],
  )

/** The body of a new record that sets this field and what is required. */
export function newBody(resource: Resource, row: Row, field: string): Record<string, unknown> {
  const value = (name: string): unknown => fresh[`${resource.name}.${name}`]?.() ?? heldIn(row, name)
  return Object.assign(
    {},
    ...requiredOf(resource).map((name) => ({ [name]: value(name) })),
    bodyOf(field, value(field) ?? null),
  )
}

export const takes = (body: z.ZodObject, field: string): boolean => Object.hasOwn(body.shape, field.split('.')[0] ?? '')

/** Sets the field to what it holds already. */
export async function patchCell(ask: Ask, { token }: Actor, { resource, row }: Sample, field: string): Promise<string> {
  // Marking as read is the one count that anybody sets.
  const value = field === 'unreadCount' ? 0 : (heldIn(row, field) ?? null)
  const answer = await ask(token, 'PATCH', `/v1/${resource}/${row.id}`, bodyOf(field, value), { 'if-match': '*' })
  return String(answer.status)
}

/** Sends the mask back that stood in the answer. */
export async function backCell(
  ask: Ask,
  { token }: Actor,
  { resource, row }: Sample,
  field: string,
  shown: Row | undefined,
): Promise<string> {
  const mask = shown && heldIn(shown, field)
  const isMasked = Array.isArray(shown?.maskedFields) && shown.maskedFields.includes(field)
  if (!isMasked || mask === undefined || mask === null) return ''
  const answer = await ask(token, 'PATCH', `/v1/${resource}/${row.id}`, bodyOf(field, mask), { 'if-match': '*' })
  return String(answer.status)
}

export async function createCell(
  ask: Ask,
  { token }: Actor,
  { row, list }: Sample,
  resource: Resource,
  field: string,
): Promise<string> {
  if (!list) return ''
  return String((await ask(token, 'POST', list, newBody(resource, row, field))).status)
}

export async function revealCell(ask: Ask, { token }: Actor, { resource, row }: Sample, field: Field): Promise<string> {
  const body = { fields: [field.name], reason: 'the customer asked' }
  const answer = await ask(token, 'POST', `/v1/${resource}/${row.id}/reveal`, body)
  return String(answer.status)
}
