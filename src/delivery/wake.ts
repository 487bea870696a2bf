import { z } from 'zod'
import { sql } from '../db/sql.ts'
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
  await db.change(systemCaller(db, tenant), { action: 'update', resource: 'conversations' }, async (tx) => {
    const [row] = await tx.query<{ contact_id: string; version: number }>(
      sql`UPDATE app.conversation SET status = 'open', snoozed_until = NULL, version = version + 1, updated_at = now()
        WHERE ${isDue} RETURNING contact_id, version`,
    )
    tx.touch({
      resource: 'conversations',
      ids: [conversationId],
      changed: row ? ['status', 'snoozedUntil'] : [],
      ...(row ? { version: row.version, subjectIds: [row.contact_id] } : {}),
    })
  })
}
