import type { Changed } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { named, type SQL, sql } from '../../db/sql.ts'

/** Where people are looked for: one business unit, the forms of addresses they came with, and contacts named outright. */
export interface PeopleScope {
  unitId: string
  /** see Address.variants */
  matches: readonly string[]
  contactIds: readonly string[]
}

export const peopleValues = (tx: Tx, scope: PeopleScope): Record<string, unknown> => ({
  tenant: tx.principal.tenantId,
  unit: scope.unitId,
  matches: [...scope.matches],
  contactIds: [...scope.contactIds],
})

/**
 * SQL of the ids of the contacts in a `PeopleScope`, as an array that is found before the rows are looked up by it.
 * More than those who are meant: the caller compares kinds and channels. Claimed addresses link nobody, except those
 * that mean something within one channel only (a visitor of a web chat), and senders of mail to the same mailbox.
 */
export const contactsInScope = (): SQL =>
  sql`ARRAY(SELECT i.contact_id FROM app.identity i WHERE i.tenant_id = ${named('tenant')}::uuid AND i.match_value = ANY (${named('matches')}::text[])
        AND i.business_unit_id = ${named('unit')}::uuid AND (i.verified OR i.channel_id IS NOT NULL OR i.kind = 'email' AND i.source = 'email')
      UNION SELECT unnest(${named('contactIds')}::uuid[]))`

export interface KnownIdentity {
  id: string
  contactId: string
  kind: string
  channelId: string | null
  matchValue: string
  displayName: string | null
  verified: boolean
  isPrimary: boolean
  /** not marked as shared by several people */
  identifying: boolean
  state: string
  lastSeenMs: number | null
  trashedMs: number | null
}

/** All addresses, also former ones, of all contacts in the scope. */
export async function identityListAround(tx: Tx, scope: PeopleScope): Promise<KnownIdentity[]> {
  const statement = tx.kept(
    'identity/around',
    () => sql`SELECT i.id, i.contact_id AS "contactId", i.kind, i.channel_id AS "channelId", i.match_value AS "matchValue", i.display_name AS "displayName",
        i.verified, i.is_primary AS "isPrimary", i.identifying, i.state, (extract(epoch FROM i.last_seen_at) * 1000)::float8 AS "lastSeenMs", (extract(epoch FROM i.trashed_at) * 1000)::float8 AS "trashedMs"
      FROM app.identity i WHERE i.tenant_id = ${named('tenant')}::uuid AND i.contact_id = ANY (${contactsInScope()}) ORDER BY i.created_at, i.id`,
  )
  return tx.query<KnownIdentity>(statement, peopleValues(tx, scope))
}

/** The contacts of a unit that have one of these addresses in any state: proved, claimed, given up. */
export async function contactIdsAt(tx: Tx, unitId: string, matches: readonly string[]): Promise<string[]> {
  const statement = tx.kept(
    'identity/holders',
    () =>
      sql`SELECT DISTINCT contact_id AS id FROM app.identity WHERE tenant_id = ${named('tenant')}::uuid AND business_unit_id = ${named('unit')}::uuid AND match_value = ANY (${named('matches')}::text[])`,
  )
  const values = { tenant: tx.principal.tenantId, unit: unitId, matches: [...matches] }
  return (await tx.query<{ id: string }>(statement, values)).map((row) => row.id)
}

/**
 * Makes the transaction alone with these addresses until it ends: two lanes that meet a new person at the same moment
 * make one contact.
 * @param hashes of `identifierHash`; locked in one order for everybody
 */
export async function identityLockAll(tx: Tx, hashes: readonly Buffer[]): Promise<void> {
  const keys = [...new Set(hashes.map((hash) => hash.readBigInt64BE(0)))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  // unnest gives its rows in order, and the lock is taken as each row is made.
  const statement = tx.kept(
    'identity/lock',
    () => sql`SELECT pg_advisory_xact_lock(k) FROM unnest(${named('locks')}::bigint[]) AS k`,
  )
  await tx.query(statement, { locks: keys.map(String) })
}

export interface NewIdentity {
  id: string
  contactId: string
  kind: string
  channelId: string | null
  value: string
  matchValue: string
  displayName: string | null
  verified: boolean
  isPrimary: boolean
  identifying: boolean
  /** the address of the same person with which it was met; null: the first one */
  metWithId: string | null
  source: string
  lastSeenAt: string | null
  /** it was theirs, and is not any more */
  trashedAt: string | null
}

export async function identityInsertAll(tx: Tx, unitId: string, rows: readonly NewIdentity[]): Promise<void> {
  const statement = tx.kept(
    'identity/insert',
    () => sql`INSERT INTO app.identity (tenant_id, id, business_unit_id, contact_id, kind, channel_id, value, match_value, display_name, verified, is_primary, identifying, met_with_id, source, last_seen_at, state, trashed_at)
      SELECT ${named('tenant')}::uuid, w.id, ${named('unit')}::uuid, w."contactId", w.kind, w."channelId", w.value, w."matchValue", w."displayName", w.verified, w."isPrimary", w.identifying, w."metWithId", w.source, w."lastSeenAt",
          CASE WHEN w."trashedAt" IS NULL THEN 'active' ELSE 'trashed' END, w."trashedAt"
        FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "contactId" uuid, kind text, "channelId" uuid, value text, "matchValue" text, "displayName" text,
             verified boolean, "isPrimary" boolean, identifying boolean, "metWithId" uuid, source text, "lastSeenAt" timestamptz, "trashedAt" timestamptz)`,
  )
  await tx.query(statement, { tenant: tx.principal.tenantId, unit: unitId, rows: JSON.stringify(rows) })
}

/** Absent: as it was. */
export interface IdentityChange {
  id: string
  verified?: boolean
  isPrimary?: boolean
  displayName?: string
  /** no longer this person's, since then */
  trashedAt?: string
}

export async function identityUpdateAll(tx: Tx, rows: readonly IdentityChange[]): Promise<Changed[]> {
  const fields = (row: string) =>
    sql.raw(
      `'verified', ${row}.verified, 'isPrimary', ${row}.is_primary, 'displayName', ${row}.display_name, 'trashedAt', ${row}.trashed_at`,
    )
  const statement = tx.kept(
    'identity/update',
    () => sql`WITH o AS (SELECT id, verified, is_primary, display_name, trashed_at FROM app.identity
        WHERE tenant_id = ${named('tenant')}::uuid AND id = ANY (${named('ids')}::uuid[]) FOR NO KEY UPDATE)
      UPDATE app.identity i SET verified = coalesce(w.verified, i.verified), is_primary = coalesce(w."isPrimary", i.is_primary), display_name = coalesce(w."displayName", i.display_name),
        state = CASE WHEN w."trashedAt" IS NULL THEN i.state ELSE 'trashed' END, trashed_at = coalesce(w."trashedAt", i.trashed_at), version = i.version + 1, updated_at = now()
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, verified boolean, "isPrimary" boolean, "displayName" text, "trashedAt" timestamptz) JOIN o ON o.id = w.id
      WHERE i.tenant_id = ${named('tenant')}::uuid AND i.id = o.id
      RETURNING i.id, i.version, json_build_object(${fields('o')}) AS before, json_build_object(${fields('i')}) AS after`,
  )
  const ids = rows.map((row) => row.id)
  return tx.query(statement, { tenant: tx.principal.tenantId, ids, rows: JSON.stringify(rows) })
}

/** When addresses were last heard from: an observation beside the record, which makes no new version of it. */
export async function identitySeenAll(tx: Tx, rows: readonly { id: string; lastSeenAt: string }[]): Promise<void> {
  const statement = tx.kept(
    'identity/seen',
    () => sql`UPDATE app.identity i SET last_seen_at = greatest(i.last_seen_at, w."lastSeenAt")
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, "lastSeenAt" timestamptz) WHERE i.tenant_id = ${named('tenant')}::uuid AND i.id = ANY (${named('ids')}::uuid[]) AND i.id = w.id`,
  )
  const ids = rows.map((row) => row.id)
  await tx.query(statement, { tenant: tx.principal.tenantId, ids, rows: JSON.stringify(rows) })
}
