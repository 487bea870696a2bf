import type { Changed } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import type { Address } from './address.ts'

const fields = (row: string) => sql.raw(`json_build_object('undeliverable', ${row}.undeliverable_at IS NOT NULL)`)

export type ChangedAddress = Changed & { contactId: string }

/** Marks an address that bounces, of the contact to whom the message went; unless somebody was heard from there since. */
export async function identityUndeliverableAll(
  tx: Tx,
  unitId: string,
  rows: readonly { address: Address; contactId: string; code: string; at: string }[],
): Promise<ChangedAddress[]> {
  const statement = tx.kept(
    'identity/undeliverable',
    () => sql`WITH w AS (SELECT DISTINCT ON (w.kind, w.match, w."contactId") w.* FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(kind text, match text, "contactId" uuid, code text, at timestamptz) ORDER BY w.kind, w.match, w."contactId", w.at DESC),
        o AS (SELECT i.id, i.undeliverable_at, w.code, w.at FROM app.identity AS i JOIN w ON w.kind = i.kind AND w.match = i.match_value AND w."contactId" = i.contact_id
          WHERE i.tenant_id = ${named('tenant')}::uuid AND i.business_unit_id = ${named('unit')}::uuid AND i.match_value = ANY (${named('matches')}::text[]) AND i.state = 'active'
            AND i.undeliverable_at IS NULL AND coalesce(i.last_seen_at < w.at, true) ORDER BY i.id FOR NO KEY UPDATE OF i)
      UPDATE app.identity AS i SET undeliverable_at = o.at, undeliverable_reason = o.code, version = i.version + 1, updated_at = now() FROM o
      WHERE i.tenant_id = ${named('tenant')}::uuid AND i.id = o.id RETURNING i.id, i.version, i.contact_id AS "contactId", ${fields('o')} AS before, ${fields('i')} AS after`,
  )
  const flat = rows.flatMap(({ address, contactId, code, at }) =>
    address.variants.map((match) => ({ kind: address.kind, match, contactId, code, at })),
  )
  return tx.query(statement, {
    tenant: tx.principal.tenantId,
    unit: unitId,
    matches: flat.map(({ match }) => match),
    rows: JSON.stringify(flat),
  })
}

/** Somebody has written from these addresses: they take messages after all. */
export async function identityReachableAll(
  tx: Tx,
  rows: readonly { id: string; at: string }[],
): Promise<ChangedAddress[]> {
  const statement = tx.kept(
    'identity/reachable',
    () => sql`WITH o AS (SELECT i.id, i.undeliverable_at FROM app.identity AS i JOIN jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, at timestamptz) ON w.id = i.id
        WHERE i.tenant_id = ${named('tenant')}::uuid AND i.id = ANY (${named('ids')}::uuid[]) AND i.undeliverable_at < w.at ORDER BY i.id FOR NO KEY UPDATE OF i)
      UPDATE app.identity AS i SET undeliverable_at = NULL, undeliverable_reason = NULL, version = i.version + 1, updated_at = now() FROM o
      WHERE i.tenant_id = ${named('tenant')}::uuid AND i.id = o.id RETURNING i.id, i.version, i.contact_id AS "contactId", ${fields('o')} AS before, ${fields('i')} AS after`,
  )
  const ids = rows.map((row) => row.id)
  return tx.query(statement, { tenant: tx.principal.tenantId, ids, rows: JSON.stringify(rows) })
}
