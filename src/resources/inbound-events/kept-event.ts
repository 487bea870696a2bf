import type { KeptEvent } from '../../channels/channel.ts'
import { cleanJson } from '../../channels/json.ts'
import type { Database } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import { keptBlob } from './blobs.ts'
import { unframed } from './frame.ts'
import { payloadContext } from './payload.ts'

/**
 * A stored event as its channel's type reads it, for work of the service's own; whoever asks records what it is for.
 * @returns null when it has expired or its person was erased
 */
export async function keptEvent(
  db: Database,
  tenant: { tenantId: string; region: string },
  id: string,
  store: FileStore,
): Promise<KeptEvent | null> {
  const [row] = await db.lookup<{
    kind: string
    sealed_payload: Buffer | null
    contact_id: string | null
    wrapped_key: Buffer | null
  }>(
    tenant,
    sql`SELECT e.kind, e.sealed_payload, e.contact_id, k.wrapped_key FROM app.inbound_event e
        LEFT JOIN app.contact_key k ON k.tenant_id = e.tenant_id AND k.contact_id = e.contact_id
        WHERE e.tenant_id = ${tenant.tenantId}::uuid AND e.id = ${id}::uuid`,
  )
  if (!row || row.sealed_payload === null) return null
  const keys = await db.tenantKeys(tenant)
  const { contact_id: contactId, wrapped_key: wrappedKey } = row
  if (contactId !== null && wrappedKey === null) return null
  // An event can name its contact before its payload has been sealed again.
  const holders = contactId !== null && wrappedKey !== null ? [keys.contact(contactId, wrappedKey), keys] : [keys]
  const opened = openedBy(holders, row.sealed_payload, payloadContext(id))
  if (opened === null) return null
  const frame = unframed(opened)
  const kept = keptBlob(store, tenant.tenantId, id, frame)
  const payload = cleanJson(JSON.parse(frame.payload.toString('utf8')))
  if (payload === undefined) return null
  return { kind: row.kind, payload, ...(kept === undefined ? {} : { kept }) }
}

function openedBy(holders: readonly Pick<TenantKeys, 'open'>[], sealed: Buffer, context: string): Buffer | null {
  for (const holder of holders)
    try {
      return holder.open(sealed, context)
    } catch {
      // Another key.
    }
  return null
}
