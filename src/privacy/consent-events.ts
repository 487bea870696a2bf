import type { Tx } from '../db/database.ts'
import { named, sql } from '../db/sql.ts'
import { contactKey } from './contact-keys.ts'
import type { ContactKey } from './keyring.ts'

/**
 * How a wish came: a word that somebody wrote, a form's check-box, the provider's own means (a preference, a block, a mail
 * to unsubscribe), the link of a message, or somebody here who was told.
 */
export type ConsentSource = 'keyword' | 'form' | 'preference' | 'link' | 'manual'

/** The words of a wish: as somebody wrote them (`text`), or as the provider told them (`detail`). */
export interface ConsentEvidence {
  text?: string
  detail?: Readonly<Record<string, unknown>>
}

/** What a person said about being contacted, with what proves it. Append-only: a change of mind is another event. */
export interface ConsentEvent {
  id: string
  contactId: string
  category: string
  state: string
  source: ConsentSource
  evidenceEventId: string
  /** the message that it came with or answers; null: there is none */
  evidenceMessageId: string | null
  /** the address at which it was said; null: it is not known */
  identityId: string | null
  evidence: ConsentEvidence
  occurredAt: string
}

/** What the sealed words of an event are bound to. */
export const evidenceContext = (id: string): string => `consent/${id}`

export const sealEvidence = (key: ContactKey, id: string, evidence: ConsentEvidence): Buffer =>
  key.seal(JSON.stringify(evidence), evidenceContext(id))

/**
 * Records what inbound events of one channel prove; the same proof twice counts once for each contact, also for one that
 * stands for another by now.
 * @returns those that are new
 */
export async function consentRecordAll(
  tx: Tx,
  channel: { id: string; businessUnitId: string },
  rows: readonly ConsentEvent[],
): Promise<{ id: string; contactId: string }[]> {
  const sealed = await Promise.all(
    rows.map(async ({ evidence, ...row }) => {
      const key = await contactKey(tx, row.contactId)
      return { ...row, sealed: sealEvidence(key, row.id, evidence).toString('base64') }
    }),
  )
  const statement = tx.kept(
    'consent/record',
    () => sql`INSERT INTO app.consent_event (tenant_id, id, business_unit_id, channel_id, contact_id, category, state, source, evidence_event_id, evidence_message_id, identity_id, sealed_evidence, key_contact_id, occurred_at)
      SELECT ${named('tenant')}::uuid, w.id, ${named('unit')}::uuid, ${named('channel')}::uuid, w."contactId", w.category, w.state, w.source, w."evidenceEventId", w."evidenceMessageId", w."identityId", decode(w.sealed, 'base64'), w."contactId", w."occurredAt"
        FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "contactId" uuid, category text, state text, source text, "evidenceEventId" uuid, "evidenceMessageId" uuid, "identityId" uuid, sealed text, "occurredAt" timestamptz)
       WHERE NOT EXISTS (SELECT FROM app.consent_event AS e WHERE e.tenant_id = ${named('tenant')}::uuid AND e.evidence_event_id = w."evidenceEventId" AND e.category = w.category AND e.contact_id = w."contactId")
      ON CONFLICT (tenant_id, evidence_event_id, category, key_contact_id) DO NOTHING RETURNING id, contact_id AS "contactId"`,
  )
  return tx.query<{ id: string; contactId: string }>(statement, {
    tenant: tx.principal.tenantId,
    unit: channel.businessUnitId,
    channel: channel.id,
    rows: JSON.stringify(sealed),
  })
}
