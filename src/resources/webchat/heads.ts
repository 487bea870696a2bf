import type { Database } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'

/** How far the conversations of several visitors of one tenant have come, and how their channels stand. */
export interface Heads {
  /** `id/version` of the active ones */
  standing: ReadonlySet<string>
  heads: { channelId: string; match: string; conversationId: string; sequence: number }[]
}

/** Asked all the time for all who listen: numbers only, nothing of it leaves. */
export async function visitorHeads(
  db: Database,
  { tenantId, region }: { tenantId: string; region: string },
  channelIds: readonly string[],
  matches: readonly string[],
): Promise<Heads> {
  const rows = await db.lookup<{
    standing: string | null
    channel_id: string | null
    match: string | null
    conversation_id: string | null
    sequence: string | null
  }>(
    { tenantId, region },
    sql`SELECT h.id || '/' || h.version AS standing, NULL::uuid AS channel_id, NULL AS match, NULL::uuid AS conversation_id, NULL::bigint AS sequence
          FROM app.channel h WHERE h.tenant_id = ${tenantId}::uuid AND h.id = ANY (${array(channelIds, 'uuid')}) AND h.status = 'active' AND h.state = 'active'
        UNION ALL
        SELECT NULL, i.channel_id, i.match_value, c.id, (SELECT max(m.visitor_sequence) FROM app.message m
            WHERE m.tenant_id = c.tenant_id AND m.conversation_id = c.id AND m.visitor_sequence IS NOT NULL)
          FROM app.identity i JOIN app.conversation c ON c.tenant_id = i.tenant_id AND c.channel_id = i.channel_id AND c.identity_id = i.id
         WHERE i.tenant_id = ${tenantId}::uuid AND i.match_value = ANY (${array(matches, 'text')}) AND i.kind = 'webchat'
           AND i.channel_id = ANY (${array(channelIds, 'uuid')}) AND i.state = 'active' AND c.state = 'active'`,
  )
  return {
    standing: new Set(rows.flatMap((row) => row.standing ?? [])),
    heads: rows.flatMap(({ channel_id: channelId, match, conversation_id: conversationId, sequence }) =>
      channelId === null || match === null || conversationId === null || sequence === null
        ? []
        : [{ channelId, match, conversationId, sequence: Number(sequence) }],
    ),
  }
}
