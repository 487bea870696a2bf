import { sealEvidence } from '../../../src/privacy/consent-events.ts'
import { veiledOf } from '../../../src/privacy/detection.ts'
import type { TestService } from '../../harness/service.ts'
import { upload } from '../../resources/attachments/fixtures.ts'
import { idOf, type Place, phone, put, word } from './rows.ts'

/** Where a contact of the house belongs. */
export interface Belonging {
  tenantId: string
  token: string
  unitId: string
  channelId: string
  teamId: string
  ownerId: string
  memberId: string
}

/** The ids of what hangs on one contact, by resource. */
export type Person = Readonly<Record<string, string>>

const at = (minute: number): string => `2026-03-01T10:${String(minute).padStart(2, '0')}:00Z`

/** What people write to each other: with a number, an address and a card in it. */
const utterance = (): string =>
  `${word('Said')} call ${phone()} or ${word('mail').toLowerCase()}@example.com, card 4111 1111 1111 1111`

/** A contact with all that can hang on one; every field that takes a value has one of its own. */
export async function person(service: TestService, place: Place, to: Belonging): Promise<Person> {
  // In the far one nothing is found: what is masked there for its words is not masked.
  const said = place === 'far' ? word('Said') : utterance()
  const country = place === 'far' ? 'FR' : 'DE'
  const ids = { contacts: idOf(), identities: idOf(), conversations: idOf(), messages: idOf(), notes: idOf() }
  const { tenantId, unitId, channelId, teamId } = to
  const all = { tenant_id: tenantId, business_unit_id: unitId, created_at: at(1), updated_at: at(2) }
  const state = place === 'trashed' ? { state: 'trashed', trashed_at: at(3) } : {}
  const number = phone()
  const external = { system: 'crm', id: word('External') }
  await put(service, 'contact', {
    ...all,
    ...state,
    id: ids.contacts,
    display_name: `${word('Display')} ${word('Name')}`,
    given_name: word('Given'),
    family_name: word('Family'),
    email: `${word('person').toLowerCase()}@example.com`,
    phone: number,
    company: word('Company'),
    job_title: word('Job'),
    country,
    residence_country: country,
    residence_source: word('Residence'),
    language: place === 'far' ? 'fr' : 'de',
    timezone: place === 'far' ? 'Europe/Paris' : 'Europe/Berlin',
    birth_date: place === 'far' ? '1971-05-17' : '1982-08-23',
    address: { street: word('Street'), city: word('City') },
    lifecycle_stage: place === 'far' ? 'customer' : 'prospect',
    follow_up_status: place === 'far' ? 'done' : 'open',
    intent: word('Intent'),
    intent_score: place === 'far' ? 34 : 72,
    tags: [word('Tag')],
    external_ids: [external],
    owner_id: to.ownerId,
    team_id: teamId,
    source: word('Source'),
  })
  await put(service, 'external_id', {
    tenant_id: tenantId,
    business_unit_id: unitId,
    system: external.system,
    value: external.id,
    contact_id: ids.contacts,
  })
  await put(service, 'identity', {
    ...all,
    ...state,
    id: ids.identities,
    contact_id: ids.contacts,
    kind: 'whatsapp',
    channel_id: channelId,
    value: number.slice(1),
    match_value: number,
    display_name: `${word('Profile')} ${word('Name')}`,
    verified: true,
    source: 'whatsapp',
    last_seen_at: at(4),
  })
  await put(service, 'conversation', {
    ...all,
    ...state,
    id: ids.conversations,
    contact_id: ids.contacts,
    identity_id: ids.identities,
    channel_id: channelId,
    channel: 'whatsapp',
    snoozed_until: '2036-01-01T00:00:00Z',
    status: 'snoozed',
    subject: said,
    veiled: veiledOf({ subject: said }, country),
    priority: 'high',
    assignee_id: to.memberId,
    team_id: teamId,
    purpose: word('Purpose'),
    tags: [word('Tag')],
    unread_count: 3,
    last_message_id: ids.messages,
    last_message_at: at(6),
    last_inbound_at: at(6),
    waiting_since: at(6),
  })
  const attachments = await file(service, to, place)
  await put(service, 'message', {
    ...all,
    ...state,
    id: ids.messages,
    conversation_id: ids.conversations,
    contact_id: ids.contacts,
    identity_id: ids.identities,
    channel_id: channelId,
    direction: 'inbound',
    type: 'text',
    content: { text: said },
    text: said,
    veiled: veiledOf({ text: said, content: { text: said } }, country),
    reactions: [{ by: 'contact', emoji: '👍', at: at(7) }],
    attachment_ids: [attachments],
    status: 'received',
    error: { code: 'window_closed' },
    author_kind: 'contact',
    author_id: ids.contacts,
    reply_to_id: ids.messages,
    external_id: word('wamid'),
    purpose: word('Purpose'),
    occurred_at: at(6),
    edited_at: at(8),
    deleted_at: at(9),
  })
  await put(service, 'note', {
    ...all,
    ...state,
    id: ids.notes,
    conversation_id: ids.conversations,
    contact_id: ids.contacts,
    author_kind: 'member',
    author_id: to.memberId,
    text: said,
    veiled: veiledOf({ text: said }, country),
  })
  await service.sql(
    `UPDATE app.attachment SET contact_id = $2, conversation_id = $3, message_id = $4, channel_id = $5, error = 'too_large',
       created_at = $6, updated_at = $6, state = $7, trashed_at = $8 WHERE id = $1`,
    [
      attachments,
      ids.contacts,
      ids.conversations,
      ids.messages,
      channelId,
      at(5),
      place === 'trashed' ? 'trashed' : 'active',
      place === 'trashed' ? at(3) : null,
    ],
  )
  const events = await inbound(service, ids, to)
  return {
    ...{ ...ids, attachments, 'inbound-events': events },
    'consent-events': await consent(service, { ...ids, events }, to, place),
  }
}

/** What somebody said, in words under their own key. */
async function consent(
  service: TestService,
  ids: Record<string, string>,
  to: Belonging,
  place: Place,
): Promise<string> {
  const id = idOf()
  const keys = service.db.keys(to.tenantId).now()
  const contactId = String(ids.contacts)
  const wrapped = keys.newContactKey(contactId)
  const sealed = sealEvidence(keys.contact(contactId, wrapped), id, { text: utterance() })
  await put(service, 'contact_key', {
    tenant_id: to.tenantId,
    contact_id: contactId,
    wrapped_key: `\\x${wrapped.toString('hex')}`,
    created_at: at(6),
  })
  await put(service, 'consent_event', {
    tenant_id: to.tenantId,
    id,
    business_unit_id: to.unitId,
    contact_id: contactId,
    channel_id: to.channelId,
    category: 'marketing',
    state: place === 'far' ? 'resume' : 'stop',
    source: 'keyword',
    evidence_event_id: ids.events,
    evidence_message_id: ids.messages,
    identity_id: ids.identities,
    sealed_evidence: `\\x${sealed.toString('hex')}`,
    key_contact_id: contactId,
    occurred_at: at(6),
    created_at: at(7),
  })
  return id
}

async function file(service: TestService, { token, unitId }: Belonging, place: Place): Promise<string> {
  const made = await upload(service, Buffer.from(`${word('Content')} of a file`), {
    token,
    fileName: `${word('File')}${place === 'far' ? '' : ` ${phone()}`}.txt`,
    type: 'text/plain',
    fields: { businessUnitId: unitId },
  })
  if (made.status !== 201) throw new Error(made.text)
  return made.id
}

async function inbound(service: TestService, ids: Record<string, string>, to: Belonging): Promise<string> {
  const id = idOf()
  const payload = service.db
    .keys(to.tenantId)
    .now()
    .seal(JSON.stringify({ said: word('Raw') }), `inbound/${id}`)
  await put(service, 'inbound_event', {
    tenant_id: to.tenantId,
    business_unit_id: to.unitId,
    id,
    channel_id: to.channelId,
    received_channel_id: to.channelId,
    type: 'whatsapp',
    account: word('Account'),
    dedupe_hash: `\\x${Buffer.from(id).toString('hex')}`,
    lane: '\\x00',
    kind: 'messages.text',
    status: 'failed',
    reason: 'unknown_type',
    attempts: 1,
    occurred_at: at(6),
    received_at: at(7),
    processed_at: at(8),
    sealed_payload: `\\x${payload.toString('hex')}`,
    contact_id: ids.contacts,
    conversation_id: ids.conversations,
    message_id: ids.messages,
    updated_at: at(8),
  })
  return id
}
