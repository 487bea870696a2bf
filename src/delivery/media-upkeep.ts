import { touches } from '../db/audit-event.ts'
import { array, sql } from '../db/sql.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import type { WorkContext } from './task.ts'

/** Longer than a job's own attempts take: a file that still waits then has no job, or one that was given up. */
const overdueHours = 2
/** Providers keep files for some days at most: then nobody waits for it any more. */
const lostDays = 7
const atOnceMax = 1_000

/**
 * No file waits for ever: one whose job was lost or given up (our own store was away for long, a database restored
 * without its queue) is asked for again, hour by hour, while its provider may have it. Then it counts as failed.
 */
export async function sweepMedia(
  { db, log }: WorkContext,
  tenant: { tenantId: string; region: string },
  runId: string,
): Promise<void> {
  const mine = sql`a.tenant_id = ${tenant.tenantId}::uuid AND a.status = 'pending'`
  const rows = await db.lookup<{ id: string; is_lost: boolean }>(
    tenant,
    sql`SELECT a.id, a.created_at < now() - make_interval(days => ${lostDays}::int) AS is_lost FROM app.attachment a
      WHERE ${mine} AND a.created_at < now() - make_interval(hours => ${overdueHours}::int) ORDER BY a.created_at LIMIT ${atOnceMax}::int`,
  )
  if (rows.length === 0) return
  const lost = rows.filter((row) => row.is_lost).map(({ id }) => id)
  const overdue = rows.filter((row) => !row.is_lost).map(({ id }) => id)
  const { tenantId, region } = tenant
  await db.change(systemCaller(db, tenant, runId), { action: 'update', resource: 'attachments' }, async (tx) => {
    if (overdue.length > 0) {
      const jobs = overdue.map((id) => ({ key: `fetch-media/${id}`, payload: { tenantId, region, attachmentId: id } }))
      await tx.enqueueAll('fetch-media', jobs)
      tx.touch({ resource: 'attachments', ids: overdue, changed: [] })
    }
    if (lost.length === 0) return
    const ended = await tx.query<{ id: string; version: number; contact_id: string | null }>(
      sql`UPDATE app.attachment a SET status = 'failed', error = 'given_up', sealed_source = NULL, version = version + 1, updated_at = now()
        WHERE ${mine} AND a.id = ANY (${array(lost, 'uuid')}) RETURNING a.id, a.version, a.contact_id`,
    )
    const contacts = new Map(ended.map((row) => [row.id, row.contact_id]))
    for (const one of touches('attachments', ended, ['status', 'error'], (id) => contacts.get(id))) tx.touch(one)
  })
  log.info({ runId, revived: overdue.length, lost: lost.length }, 'files that waited too long')
}
