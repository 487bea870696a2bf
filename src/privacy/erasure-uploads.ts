import type { Tx } from '../db/database.ts'
import { json, sql } from '../db/sql.ts'
import type { PersonAddress } from './erasure-locks.ts'

/**
 * The files that the person, as a visitor of a chat, has uploaded for messages: they belong to no contact, as nobody
 * knows whose they are until a message names them, and stay a while where one has, for the message to be sent again.
 * @returns their ids, locked
 */
export async function visitorUploads(tx: Tx, addresses: readonly PersonAddress[]): Promise<string[]> {
  const visitors = addresses.flatMap(({ address: { kind, channelId }, value }) =>
    kind === 'webchat' && channelId !== null ? [{ channel: channelId, visitor: value }] : [],
  )
  if (visitors.length === 0) return []
  const rows = await tx.query<{ id: string }>(
    sql`SELECT a.id FROM app.attachment a WHERE a.tenant_id = ${tx.principal.tenantId}::uuid AND a.message_id IS NULL AND a.contact_id IS NULL
          AND EXISTS (SELECT FROM json_to_recordset(${json(visitors)}::json) AS v(channel uuid, visitor text)
            WHERE v.channel = a.channel_id AND v.visitor = a.uploaded_by::text)
        ORDER BY a.id FOR UPDATE OF a`,
  )
  return rows.map(({ id }) => id)
}
