import { quotaHolder } from './clear-quota.ts'
import type { Caller, Database } from './database.ts'
import { sql } from './sql.ts'

/** It has been told today. */
class ToldBefore extends Error {}

/**
 * Puts on record, once per principal and day, that its quota for clear values was hit: an event about the member or key,
 * beside the refusals, each of which is on record by itself.
 * @returns whether this was the first time today
 */
export async function quotaAlert(db: Database, { principal, meta }: Caller): Promise<boolean> {
  const holder = quotaHolder(principal)
  const isKey = principal.kind === 'apiKey' && principal.onBehalfOf === null
  const resource = isKey ? 'api-keys' : 'members'
  const system = {
    principal: db.own('system', principal),
    meta: { requestId: meta.requestId, ip: null, purpose: null, causeId: holder },
  }
  try {
    await db.change(system, { action: 'reveal', resource, code: 'quota_alert' }, async (tx) => {
      const first = await tx.query(sql`INSERT INTO app.reveal_use AS u (tenant_id, principal_id, day, used, alerted_at)
        VALUES (${principal.tenantId}::uuid, ${holder}::uuid, current_date, 0, now())
        ON CONFLICT (tenant_id, principal_id, day) DO UPDATE SET alerted_at = now() WHERE u.alerted_at IS NULL RETURNING used`)
      if (first.length === 0) throw new ToldBefore()
      tx.touch({ resource, ids: [holder] })
    })
    return true
  } catch (error) {
    if (error instanceof ToldBefore) return false
    throw error
  }
}
