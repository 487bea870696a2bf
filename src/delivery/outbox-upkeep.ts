import { type SQL, sql } from '../db/sql.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import type { WorkContext } from './task.ts'

const atOnceMax = 1_000

/** What stands still although its time has come, by the job that it lacks. */
const stranded: readonly { task: 'send' | 'wake'; resource: string; conversations: (tenantId: string) => SQL }[] = [
  {
    task: 'send',
    resource: 'messages',
    conversations: (
      tenantId,
    ) => sql`SELECT DISTINCT m.conversation_id AS id FROM app.message m WHERE m.tenant_id = ${tenantId}::uuid AND m.status = 'queued'
      AND greatest(m.created_at, m.dispatched_at, m.retry_at) < now() - interval '5 minutes' LIMIT ${atOnceMax}::int`,
  },
  {
    task: 'wake',
    resource: 'conversations',
    conversations: (
      tenantId,
    ) => sql`SELECT c.id FROM app.conversation c WHERE c.tenant_id = ${tenantId}::uuid AND c.status = 'snoozed'
      AND c.snoozed_until < now() - interval '5 minutes' LIMIT ${atOnceMax}::int`,
  },
]

/**
 * What was put into the outbox leaves, and what sleeps wakes up, even if its job was given up or lost (a database
 * restored without its queue).
 */
export async function sweepOutbox(
  { db }: WorkContext,
  tenant: { tenantId: string; region: string },
  runId: string,
): Promise<void> {
  for (const { task, resource, conversations } of stranded) {
    const rows = await db.lookup<{ id: string }>(tenant, conversations(tenant.tenantId))
    if (rows.length === 0) continue
    await db.change(systemCaller(db, tenant, runId), { action: 'update', resource }, async (tx) => {
      tx.touch({ resource: 'conversations', ids: rows.map(({ id }) => id), changed: [] })
      await Promise.all(
        rows.map(({ id }) => tx.enqueue(task, `${task}/${tenant.tenantId}/${id}`, { ...tenant, conversationId: id })),
      )
    })
  }
}
