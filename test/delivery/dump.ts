import type { TestService } from '../harness/service.ts'

/**
 * All that inbound events led to in one business unit, without ids and times of our own: two dumps are equal when the
 * same people, conversations and messages came out. Addresses as they are compared: of two spellings the first one stays.
 */
export async function dump(service: TestService, unitId: string): Promise<unknown> {
  const rows = (text: string) => service.sql(text, [unitId])
  const [contacts, identities, conversations, messages, consents] = await Promise.all([
    rows(
      `SELECT c.id, c.display_name, c.email, c.phone, c.country, c.state, c.source, (SELECT jsonb_object_agg(f.key, coalesce(to_jsonb(v.text_value), to_jsonb(v.number_value), to_jsonb(v.boolean_value)))
         FROM app.contact_custom_value v JOIN app.custom_field f ON f.id = v.field_id WHERE v.contact_id = c.id) AS custom_fields FROM app.contact c WHERE c.business_unit_id = $1`,
    ),
    rows(
      `SELECT id, contact_id, kind, match_value, verified, state, is_primary FROM app.identity WHERE business_unit_id = $1`,
    ),
    rows(`SELECT c.contact_id, c.id, i.match_value AS address, c.thread_key, c.status, c.unread_count, c.waiting_since, c.last_inbound_at, c.last_message_at, c.state
      FROM app.conversation c LEFT JOIN app.identity i ON i.id = c.identity_id WHERE c.business_unit_id = $1`),
    rows(`SELECT m.conversation_id, m.contact_id, m.external_id, m.direction, m.type, m.text, m.content, m.status, m.error, m.reactions, r.external_id AS reply_to, m.historical, m.occurred_at,
        m.edited_at, m.deleted_at, m.author_kind, cardinality(m.attachment_ids) AS attachments, (SELECT count(*)::int FROM app.attachment a WHERE a.message_id = m.id AND a.status = 'pending') AS pending
      FROM app.message m LEFT JOIN app.message r ON r.id = m.reply_to_id WHERE m.business_unit_id = $1`),
    rows(`SELECT contact_id, category, state, source, occurred_at FROM app.consent_event WHERE business_unit_id = $1`),
  ])
  const of = (list: Record<string, unknown>[], key: string, id: unknown) =>
    sorted(
      list
        .filter((row) => row[key] === id)
        .map(({ id: _id, contact_id: _contact, conversation_id: _talk, ...row }) => row),
    )
  return sorted(
    contacts.map(({ id, ...contact }) => ({
      ...contact,
      identities: of(identities, 'contact_id', id),
      consents: of(consents, 'contact_id', id),
      conversations: sorted(
        conversations
          .filter((one) => one.contact_id === id)
          .map(({ id: talk, contact_id: _contact, ...one }) => ({
            ...one,
            messages: of(messages, 'conversation_id', talk),
          })),
      ),
    })),
  )
}

function sorted(list: object[]): object[] {
  return list
    .map((one): [string, object] => [JSON.stringify(one), one])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one)
}
