import type { Database } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { Problem } from '../errors.ts'
import { type ChannelSettings, openSettings } from '../resources/channels/settings.ts'

export interface Tenant {
  tenantId: string
  region: string
}

/**
 * An active channel with its opened settings, for a job that talks with its provider; null when there is none (any more),
 * or its settings do not fit this release: then there is nothing to be done on its behalf.
 */
export async function channelAtWork(
  db: Database,
  tenant: Tenant,
  channelId: string,
): Promise<(ChannelSettings & { businessUnitId: string }) | null> {
  const [row] = await db.lookup<{ type: string; business_unit_id: string; sealed_settings: Buffer }>(
    tenant,
    sql`SELECT type, business_unit_id, sealed_settings FROM app.channel
      WHERE tenant_id = ${tenant.tenantId}::uuid AND id = ${channelId}::uuid AND status = 'active' AND state = 'active'`,
  )
  if (!row) return null
  const keys = await db.tenantKeys(tenant)
  try {
    return { ...openSettings(keys, channelId, row.type, row.sealed_settings), businessUnitId: row.business_unit_id }
  } catch (error) {
    if (error instanceof Problem && error.code === 'unavailable') throw error
    return null
  }
}
