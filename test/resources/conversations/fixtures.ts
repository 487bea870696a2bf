import { randomUUID } from 'node:crypto'
import { veiledOf } from '../../../src/privacy/detection.ts'
import type { Answer, TestService } from '../../harness/service.ts'

/** A request that must succeed. */
export async function done(
  service: TestService,
  method: string,
  path: string,
  body?: unknown,
  token: string = service.ownerToken,
): Promise<Answer> {
  const answer = await service.request(method, path, { ...(body === undefined ? {} : { body }), token })
  if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`)
  return answer
}

export interface Talk {
  contactId: string
  identityId: string
  channelId: string
  conversationId: string
  phone: string
}

let people = 0

/** A phone number that no other contact of the tests has. */
export const newPhone = (): string => `+4915100${String(++people).padStart(6, '0')}`

/** A contact with an address proved by the channel, as if somebody had written from there. */
export async function person(
  service: TestService,
  { kind, unit, name = 'Anna Müller' }: { kind: 'whatsapp' | 'connector'; unit?: string; name?: string },
): Promise<{ contactId: string; identityId: string; phone: string }> {
  const phone = newPhone()
  const contact = await done(service, 'POST', '/v1/contacts', {
    displayName: name,
    phone,
    email: `anna${people}@example.com`,
    ...(unit ? { businessUnitId: unit } : {}),
  })
  const identityId = randomUUID()
  const value = kind === 'whatsapp' ? phone.slice(1) : phone
  await service.sql(
    `INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, value, match_value, verified, source)
     VALUES ($1, $2, $3, $4, $5, $6, $7, true, $5)`,
    [service.tenantId, identityId, contact.string('businessUnitId'), contact.id, kind, value, phone],
  )
  return { contactId: contact.id, identityId, phone }
}

export async function whatsappChannel(service: TestService, apiBaseUrl: string, unit?: string): Promise<string> {
  const settings = {
    phoneNumberId: String(1e14 + ++people),
    appSecret: 'app-secret',
    verifyToken: 'verify',
    accessToken: 'access-token',
    apiBaseUrl,
  }
  const body = { type: 'whatsapp', name: 'WhatsApp', settings, ...(unit ? { businessUnitId: unit } : {}) }
  return (await done(service, 'POST', '/v1/channels', body)).id
}

export async function connectorChannel(
  service: TestService,
  outboundUrl: string,
  unit?: string,
): Promise<{ channelId: string; secret: string }> {
  const body = {
    type: 'connector',
    name: 'Connector',
    settings: { outboundUrl },
    ...(unit ? { businessUnitId: unit } : {}),
  }
  const channel = await done(service, 'POST', '/v1/channels', body)
  return { channelId: channel.id, secret: channel.string('secret') }
}

/** A conversation on a channel, in which the contact has just written (so that the reply window is open). */
export async function talk(
  service: TestService,
  channel: { channelId: string; kind: 'whatsapp' | 'connector' },
  options: { unit?: string; name?: string } = {},
): Promise<Talk> {
  const { contactId, identityId, phone } = await person(service, { kind: channel.kind, ...options })
  const { channelId } = channel
  const conversation = await done(service, 'POST', '/v1/conversations', { contactId, identityId, channelId })
  await wrote(service, conversation.id, 'now()')
  return { contactId, identityId, channelId, conversationId: conversation.id, phone }
}

/** Says when the contact last wrote, as SQL. */
export async function wrote(service: TestService, conversationId: string, at: string): Promise<void> {
  await service.sql(
    `UPDATE app.conversation SET last_inbound_at = ${at}, waiting_since = ${at}, unread_count = 1 WHERE id = $1`,
    [conversationId],
  )
}

/** A message of the contact, as if it had come in. */
export async function said(service: TestService, one: Talk, text: string, at = 'now()'): Promise<string> {
  const id = randomUUID()
  await service.sql(
    `INSERT INTO app.message (tenant_id, id, business_unit_id, conversation_id, contact_id, identity_id, channel_id, direction, type, content, text, veiled, status, author_kind, author_id, external_id, occurred_at)
     SELECT tenant_id, $2, business_unit_id, id, contact_id, identity_id, channel_id, 'inbound', 'text', jsonb_build_object('text', $3::text), $3, $5, 'received', 'contact', contact_id, $4, ${at}
       FROM app.conversation WHERE id = $1`,
    [one.conversationId, id, text, `ext-${id}`, JSON.stringify(veiledOf({ text, content: { text } }, 'DE'))],
  )
  await service.sql('UPDATE app.conversation SET last_message_id = $2, last_message_at = now() WHERE id = $1', [
    one.conversationId,
    id,
  ])
  return id
}

export const send = (
  service: TestService,
  conversationId: string,
  body: Record<string, unknown>,
  options: { token?: string; headers?: Record<string, string> } = {},
): Promise<Answer> => service.request('POST', `/v1/conversations/${conversationId}/messages`, { body, ...options })

export interface StoredEvent {
  action: string
  resource: string
  outcome: string
  code: string | null
  touched: { resource: string; ids: string[]; shown: string[]; masked: string[]; changed?: string[] }[]
  subject_ids: string[]
  row_count: number
  cause_id: string | null
}

/** The audit events of a request. */
export const eventsOf = (service: TestService, answer: Answer): Promise<StoredEvent[]> =>
  service.sql<StoredEvent & Record<string, unknown>>(
    'SELECT action, resource, outcome, code, touched, subject_ids::text[] AS subject_ids, row_count, cause_id FROM audit.readable_event WHERE request_id = $1 ORDER BY sequence',
    [answer.headers['request-id']],
  )

/** The single faults of a problem. */
export function faultsOf(answer: Answer): { path: string; code: string }[] {
  const { errors } = answer.body
  return Array.isArray(errors) ? errors.map(({ path, code }) => ({ path, code })) : []
}

/** Waits until something is so, for at most some seconds. */
export async function until(isSo: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error('it did not become so in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
