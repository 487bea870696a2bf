import type { Changed } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import type { Veiled } from '../../privacy/detection.ts'

/** What events tell of a conversation beside its messages. Absent: nothing. Times as RFC 3339. */
export interface ConversationAside {
  id: string
  /** taken where it has none */
  subject?: string
  veiled?: Veiled
  deliveredUpTo?: string
  readUpTo?: string
  /** base64, sealed for `handleContext`; the one that lasts longest stays */
  replyHandle?: string
  replyHandleUntil?: string
}

/** What a provider's handle on the customer's last event is sealed for, under the contact's key. */
export const handleContext = (conversationId: string): string => `reply-handle/${conversationId}`

/** @returns those that have a subject now and had none; the rest is nobody's to see, and makes no new version */
export async function conversationAsideAll(tx: Tx, rows: readonly ConversationAside[]): Promise<Changed[]> {
  const statement = tx.kept(
    'conversation/aside',
    () => sql`WITH moved AS (UPDATE app.conversation AS c SET subject = coalesce(c.subject, w.subject), veiled = CASE WHEN c.subject IS NULL AND w.subject IS NOT NULL THEN w.veiled ELSE c.veiled END,
        delivered_up_to = greatest(c.delivered_up_to, w."deliveredUpTo", w."readUpTo"), read_up_to = greatest(c.read_up_to, w."readUpTo"),
        sealed_reply_handle = CASE WHEN w."replyHandleUntil" > coalesce(c.reply_handle_until, '-infinity') THEN decode(w."replyHandle", 'base64') ELSE c.sealed_reply_handle END,
        reply_handle_until = greatest(c.reply_handle_until, w."replyHandleUntil"),
        version = c.version + (c.subject IS NULL AND w.subject IS NOT NULL)::int, updated_at = CASE WHEN c.subject IS NULL AND w.subject IS NOT NULL THEN now() ELSE c.updated_at END
      FROM jsonb_to_recordset(${named('rows')}::jsonb) AS w(id uuid, subject text, veiled jsonb, "deliveredUpTo" timestamptz, "readUpTo" timestamptz, "replyHandle" text, "replyHandleUntil" timestamptz),
        app.conversation AS o
      WHERE c.tenant_id = ${named('tenant')}::uuid AND c.id = ANY (${named('ids')}::uuid[]) AND c.id = w.id AND o.tenant_id = c.tenant_id AND o.id = c.id
        AND (c.subject IS NULL AND w.subject IS NOT NULL OR w."replyHandleUntil" > coalesce(c.reply_handle_until, '-infinity')
          OR w."deliveredUpTo" > coalesce(c.delivered_up_to, '-infinity') OR w."readUpTo" > coalesce(c.read_up_to, '-infinity'))
      RETURNING c.id, c.version, o.subject IS NULL AND c.subject IS NOT NULL AS "isNamed", json_build_object('subject', o.subject) AS before, json_build_object('subject', c.subject) AS after)
      SELECT id, version, before, after FROM moved WHERE "isNamed"`,
  )
  const ids = rows.map((row) => row.id)
  return tx.query(statement, { tenant: tx.principal.tenantId, ids, rows: JSON.stringify(rows) })
}

/** Has the conversations of a channel's thread go on under another id; one whose address is there already stays. */
export async function conversationThreadMove(
  tx: Tx,
  channelId: string,
  { from, to }: { from: string; to: string },
): Promise<{ id: string; version: number; contactId: string }[]> {
  return tx.query<{ id: string; version: number; contactId: string } & Record<string, unknown>>(
    sql`UPDATE app.conversation AS c SET thread_key = ${to}, version = version + 1, updated_at = now()
      WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.channel_id = ${channelId}::uuid AND c.thread_key = ${from}
        AND NOT EXISTS (SELECT FROM app.conversation AS o WHERE o.tenant_id = c.tenant_id AND o.channel_id = c.channel_id AND o.thread_key = ${to}
          AND (o.identity_id = c.identity_id OR o.is_group AND c.is_group))
      RETURNING c.id, c.version, c.contact_id AS "contactId"`,
  )
}
