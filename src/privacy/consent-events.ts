import type { Tx } from '../db/database.ts'
import { named, sql } from '../db/sql.ts'

/** What a person said about being contacted, with what proves it. Append-only: a change of mind is another event. */
export interface ConsentEvent {
  id: string
  contactId: string
  category: string
  state: string
  /** who said so: a channel's type */
  source: string
  evidenceEventId: string
  /** event: the provider says so; keyword: the person wrote such a word and nothing else */
  evidenceKind: 'event' | 'keyword'
  occurredAt: string
}

/**
 * Records what inbound events of one channel prove; the same proof twice counts once.
 * @returns those that are new
 */
export async function consentRecordAll(
  tx: Tx,
  channel: { id: string; businessUnitId: string },
  rows: readonly ConsentEvent[],
): Promise<{ id: string; contactId: string }[]> {
  const statement = tx.kept(
    'consent/record',
    () => sql`INSERT INTO app.consent_event (tenant_id, id, business_unit_id, channel_id, contact_id, category, state, source, evidence_event_id, evidence_kind, occurred_at)
      SELECT ${named('tenant')}::uuid, w.id, ${named('unit')}::uuid, ${named('channel')}::uuid, w."contactId", w.category, w.state, w.source, w."evidenceEventId", w."evidenceKind", w."occurredAt"
        FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "contactId" uuid, category text, state text, source text, "evidenceEventId" uuid, "evidenceKind" text, "occurredAt" timestamptz)
      ON CONFLICT (tenant_id, evidence_event_id, category) DO NOTHING RETURNING id, contact_id AS "contactId"`,
  )
  return tx.query<{ id: string; contactId: string }>(statement, {
    tenant: tx.principal.tenantId,
    unit: channel.businessUnitId,
    channel: channel.id,
    rows: JSON.stringify(rows),
  })
}
