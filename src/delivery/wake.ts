import { z } from 'zod'
import { recordChanges } from '../db/change-values.ts'
import type { JsonRow } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { conversations } from '../resources/conversations/schema.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import type { Task } from './task.ts'

const ids = z.object({ tenantId: z.uuid(), region: z.string(), conversationId: z.uuid() })

/** Opens a snoozed conversation whose time has come; one that was woken or put to sleep again meanwhile stays as it is. */
export const wake: Task = async ({ db }, payload) => {
  const { conversationId, ...tenant } = ids.parse(payload)
  // A little early counts: the job that was to come at that moment has come.
  const isDue = sql`tenant_id = ${tenant.tenantId}::uuid AND id = ${conversationId}::uuid AND status = 'snoozed'
    AND snoozed_until <= now() + interval '200 milliseconds'`
  const [due] = await db.lookup(tenant, sql`SELECT 1 FROM app.conversation WHERE ${isDue}`)
  if (!due) return
  await db.change(
    systemCaller(db, tenant, conversationId),
    { action: 'update', resource: 'conversations' },
    async (tx) => {
      const [row] = await tx.query<{
        id: string
        contact_id: string
        version: number
        before: JsonRow
        after: JsonRow
      }>(
        sql`WITH o AS (SELECT id, status, snoozed_until FROM app.conversation WHERE ${isDue} FOR NO KEY UPDATE)
        UPDATE app.conversation AS c SET status = 'open', snoozed_until = NULL, version = c.version + 1, updated_at = now()
        FROM o WHERE c.tenant_id = ${tenant.tenantId}::uuid AND c.id = o.id
        RETURNING c.id, c.contact_id, c.version, json_build_object('status', o.status, 'snoozedUntil', o.snoozed_until) AS before,
          json_build_object('status', c.status, 'snoozedUntil', c.snoozed_until) AS after`,
      )
      tx.touch({
        resource: 'conversations',
        ids: [conversationId],
        changed: row ? ['status', 'snoozedUntil'] : [],
        ...(row
          ? {
              version: row.version,
              subjectIds: [row.contact_id],
              values: recordChanges(conversations, [row], () => row.contact_id),
            }
          : {}),
      })
    },
  )
}
