import { type Touched, touches, type Versioned } from '../../db/audit-event.ts'
import { type Changed, recordChanges } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, type SQL, sql } from '../../db/sql.ts'
import { matchValue } from '../identities/match.ts'
import { identities } from '../identities/schema.ts'
import type { Moved } from './record.ts'

/**
 * What becomes of every table that leads to a contact when the contact goes into another one. A test holds this against
 * the database's own references, so that a table of later days is not forgotten.
 */
export const mergePlan: Readonly<Record<string, string>> = {
  identity: 'moves',
  conversation: 'moves',
  message: 'moves',
  note: 'moves',
  attachment: 'moves; the key that it is encrypted under stays the one that it was',
  consent_event: 'moves',
  external_id: 'moves',
  contact_custom_value: 'stays, as the contact’s own columns do; what is wanted of it is copied',
  contact_key: 'stays: what was sealed under it is read by it',
  inbound_event: 'stays, sealed under the key of the contact that it led to',
  contact_merge: 'stays: what had been merged into the contact comes back to it',
  merge_dismissal: 'stays',
  merge_hint: 'stays',
  contact: 'names the contact that it went into',
  erasure: 'is about tombstones, which nothing goes into',
}

/**
 * Gives rows to another contact.
 * @param which SQL over the table's columns, called `r`
 */
export async function giveAll(
  tx: Tx,
  table: 'identity' | 'conversation' | 'message' | 'note' | 'attachment',
  which: SQL,
  to: string,
): Promise<Versioned[]> {
  // What the contact said, the contact says; what was said in a group by nobody whom we know, nobody says.
  const author =
    table === 'message'
      ? sql`, author_id = CASE WHEN r.author_kind = 'contact' AND r.author_id IS NOT NULL THEN ${to}::uuid ELSE r.author_id END`
      : sql``
  return tx.query<Versioned & Record<string, unknown>>(
    sql`UPDATE app.${sql.identifier(table)} AS r SET contact_id = ${to}::uuid, version = r.version + 1, updated_at = now() ${author}
      WHERE r.tenant_id = ${tx.principal.tenantId}::uuid AND ${which} RETURNING r.id, r.version`,
  )
}

/** The audit's words for rows that went to another contact. */
export const given = (resource: string, rows: readonly Versioned[], to: string): Touched[] =>
  touches(resource, rows, ['contactId'], () => to)

/** Moves everything that is a contact's to the one that it goes into. Both are locked; the first is not merged yet. */
export async function moveRows(tx: Tx, from: string, to: string): Promise<Moved> {
  const { tenantId } = tx.principal
  const idsOf = async (table: 'identity' | 'conversation' | 'consent_event'): Promise<string[]> => {
    const rows = await tx.query<{ id: string }>(
      sql`SELECT id FROM app.${sql.identifier(table)} WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${to}::uuid`,
    )
    return rows.map((row) => row.id)
  }
  const ours = {
    identities: await idsOf('identity'),
    conversations: await idsOf('conversation'),
    consents: await idsOf('consent_event'),
  }
  const primary = await tx.query<{ id: string }>(
    sql`SELECT id FROM app.identity WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${from}::uuid AND is_primary`,
  )
  const theirs = sql`r.contact_id = ${from}::uuid`
  const addresses = await giveAll(tx, 'identity', theirs, to)
  const talks = await giveAll(tx, 'conversation', theirs, to)
  const messages = await giveAll(tx, 'message', theirs, to)
  const notes = await giveAll(tx, 'note', theirs, to)
  const files = await giveAll(tx, 'attachment', theirs, to)
  const consents = await tx.query<{ id: string }>(
    sql`UPDATE app.consent_event SET contact_id = ${to}::uuid WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${from}::uuid RETURNING id`,
  )
  await tx.query(
    sql`UPDATE app.external_id SET contact_id = ${to}::uuid WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${from}::uuid`,
  )
  for (const one of [
    ...given('identities', addresses, to),
    ...given('conversations', talks, to),
    ...given('messages', messages, to),
    ...given('notes', notes, to),
    ...given('attachments', files, to),
  ])
    tx.touch(one)
  const consentIds = consents.map((row) => row.id)
  if (consentIds.length > 0)
    tx.touch({ resource: 'consent-events', ids: consentIds, changed: ['contactId'], subjectIds: [to] })
  return {
    identities: addresses.map((row) => row.id),
    primary: primary.map((row) => row.id),
    conversations: talks.map((row) => row.id),
    consents: consentIds,
    ours,
  }
}

/** Has a contact's primary addresses be those that its own email and phone are. */
export async function settlePrimary(tx: Tx, contactId: string, contact: JsonRow): Promise<void> {
  const { tenantId } = tx.principal
  const rows = await tx.query<{ id: string; kind: string; match: string; isPrimary: boolean }>(
    sql`SELECT id, kind, match_value AS match, is_primary AS "isPrimary" FROM app.identity
      WHERE tenant_id = ${tenantId}::uuid AND contact_id = ${contactId}::uuid AND state = 'active' AND kind IN ('phone', 'email')
      ORDER BY is_primary DESC, verified DESC, created_at, id`,
  )
  const wanted = new Set(
    (['phone', 'email'] as const).flatMap((kind) => {
      const value = contact[kind]
      if (typeof value !== 'string') return []
      const match = matchValue(kind, value)
      return rows.find((row) => row.kind === kind && row.match === match)?.id ?? []
    }),
  )
  const wrong = rows.filter((row) => row.isPrimary !== wanted.has(row.id)).map((row) => row.id)
  if (wrong.length === 0) return
  const changed = await tx.query<Changed & Record<string, unknown>>(
    sql`UPDATE app.identity AS i SET is_primary = NOT i.is_primary, version = i.version + 1, updated_at = now()
      WHERE i.tenant_id = ${tenantId}::uuid AND i.id = ANY (${array(wrong, 'uuid')})
      RETURNING i.id, i.version, json_build_object('isPrimary', NOT i.is_primary) AS before, json_build_object('isPrimary', i.is_primary) AS after`,
  )
  const own = (): string => contactId
  for (const one of touches('identities', changed, ['isPrimary'], own, recordChanges(identities, changed, own)))
    tx.touch(one)
}
