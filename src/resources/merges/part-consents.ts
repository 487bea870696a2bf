import { randomUUIDv7 } from 'node:crypto'
import type { Tx } from '../../db/database.ts'
import { array, json, sql } from '../../db/sql.ts'
import { evidenceContext } from '../../privacy/consent-events.ts'
import { contactKey } from '../../privacy/contact-keys.ts'
import type { MergeRecord } from './record.ts'

interface LaterConsent {
  id: string
  state: string
  /** the address at which it was said; null: it is not known */
  identityId: string | null
  /** whether they have an address on the channel of the consent, and whether the other one has */
  isTheirChannel: boolean
  isOurChannel: boolean
}

/**
 * Gives back what a person had said about being contacted, and what they have said since. Where nobody can tell which of
 * the two said it, it stays; a "stop" then counts for both.
 * @param addresses those that go back
 * @returns the ids that went
 */
export async function partConsents(
  tx: Tx,
  { contactId, mergedId, moved }: MergeRecord,
  others: readonly MergeRecord[],
  addresses: readonly string[],
): Promise<string[]> {
  const { tenantId } = tx.principal
  const known = others.flatMap((one) => one.moved.consents)
  const at = (contact: string) =>
    sql`EXISTS (SELECT FROM app.conversation c WHERE c.tenant_id = e.tenant_id AND c.contact_id = ${contact}::uuid AND c.channel_id = e.channel_id)`
  const rows = await tx.query<LaterConsent & Record<string, unknown>>(
    sql`SELECT e.id, e.state, coalesce((SELECT m.identity_id FROM app.message m WHERE m.tenant_id = e.tenant_id AND m.id = coalesce(e.evidence_message_id,
          (SELECT v.message_id FROM app.inbound_event v WHERE v.tenant_id = e.tenant_id AND v.id = e.evidence_event_id))), e.identity_id) AS "identityId",
        ${at(mergedId)} AS "isTheirChannel", ${at(contactId)} AS "isOurChannel"
      FROM app.consent_event e WHERE e.tenant_id = ${tenantId}::uuid AND e.contact_id = ${contactId}::uuid AND (coalesce(e.evidence_event_id, e.evidence_message_id) IS NOT NULL OR e.source = 'manual')
        AND NOT e.id = ANY (${array([...moved.consents, ...known, ...moved.ours.consents], 'uuid')})`,
  )
  const isTheirs = ({ identityId, isTheirChannel, isOurChannel }: LaterConsent): boolean =>
    identityId === null ? isTheirChannel && !isOurChannel : addresses.includes(identityId)
  const later = rows.filter(isTheirs).map((row) => row.id)
  // A channel that neither of them is on, and none at all, tells as little as one that both are on.
  const unclear = rows.filter((row) => row.identityId === null && row.isTheirChannel === row.isOurChannel)
  const went = await tx.query<{ id: string }>(
    sql`UPDATE app.consent_event SET contact_id = ${mergedId}::uuid WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${contactId}::uuid
      AND id = ANY (${array([...moved.consents, ...later], 'uuid')}) RETURNING id`,
  )
  await resealEvidence(tx, contactId, mergedId)
  const copies = unclear.filter((row) => row.state === 'stop').map((row) => ({ id: randomUUIDv7(), of: row.id }))
  if (copies.length > 0) await copyAll(tx, copies, contactId, mergedId)
  const ids = [...went, ...copies].map((row) => row.id)
  if (ids.length > 0) tx.touch({ resource: 'consent-events', ids, changed: ['contactId'], subjectIds: [mergedId] })
  return went.map((row) => row.id)
}

/** What was put down meanwhile is under the key of the contact that stood for both: theirs is put under its own. */
async function resealEvidence(tx: Tx, from: string, to: string): Promise<void> {
  const { tenantId } = tx.principal
  const rows = await tx.query<{ id: string; sealed: Buffer }>(
    sql`SELECT id, sealed_evidence AS sealed FROM app.consent_event WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${to}::uuid
      AND key_contact_id = ${from}::uuid AND sealed_evidence IS NOT NULL`,
  )
  if (rows.length === 0) return
  const [old, own] = [await contactKey(tx, from), await contactKey(tx, to)]
  for (const { id, sealed } of rows) {
    const context = evidenceContext(id)
    await tx.query(
      sql`UPDATE app.consent_event SET sealed_evidence = ${own.seal(old.open(sealed, context), context)}, key_contact_id = ${to}::uuid
        WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid`,
    )
  }
}

/** The same said by another contact, with the same words. What proves it once stays with the first. */
async function copyAll(tx: Tx, copies: readonly { id: string; of: string }[], from: string, to: string): Promise<void> {
  const { tenantId } = tx.principal
  await tx.query(
    sql`INSERT INTO app.consent_event (tenant_id, id, business_unit_id, contact_id, channel_id, category, state, source, key_contact_id, occurred_at)
      SELECT e.tenant_id, w.id, e.business_unit_id, ${to}::uuid, e.channel_id, e.category, e.state, e.source, ${to}::uuid, e.occurred_at
        FROM jsonb_to_recordset(${json(copies)}) AS w(id uuid, of uuid) JOIN app.consent_event e ON e.tenant_id = ${tenantId}::uuid AND e.id = w.of`,
  )
  const originals = await tx.query<{ id: string; sealed: Buffer }>(
    sql`SELECT id, sealed_evidence AS sealed FROM app.consent_event WHERE tenant_id = ${tenantId}::uuid AND id = ANY (${array(
      copies.map((one) => one.of),
      'uuid',
    )}) AND key_contact_id = ${from}::uuid AND sealed_evidence IS NOT NULL`,
  )
  if (originals.length === 0) return
  const [old, own] = [await contactKey(tx, from), await contactKey(tx, to)]
  const words = new Map(originals.map((one) => [one.id, old.open(one.sealed, evidenceContext(one.id))]))
  for (const { id, of } of copies) {
    const text = words.get(of)
    if (text === undefined) continue
    await tx.query(
      sql`UPDATE app.consent_event SET sealed_evidence = ${own.seal(text, evidenceContext(id))} WHERE tenant_id = ${tenantId}::uuid AND id = ${id}::uuid`,
    )
  }
}
