import { randomUUIDv7 } from 'node:crypto'
import { type SQL, sql } from '../db/sql.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import { sweepUploads } from '../resources/webchat/uploads.ts'
import { sweepConnections } from './connect.ts'
import { sweepFiles } from './file-upkeep.ts'
import { sweepInbound } from './inbound-upkeep.ts'
import { sweepMedia } from './media-upkeep.ts'
import { sweepOutbox } from './outbox-upkeep.ts'
import type { Task } from './task.ts'

/** Failures to log in count for minutes; see the login throttle. */
const loginAttemptSeconds = 86_400

/** What only serves a purpose for a while, by table: nothing here is a record of anybody. */
const leftovers: readonly { table: string; where: SQL }[] = [
  // A turn that is long over says nothing any more.
  {
    table: 'send_pace',
    where: sql`next_at < now() - interval '1 hour' AND (paused_until IS NULL OR paused_until < now())`,
  },
  { table: 'idempotency', where: sql`created_at < now() - interval '24 hours'` },
  {
    table: 'refresh_token',
    where: sql`created_at < now() - interval '60 days' AND session_id IN (SELECT s.id FROM app.session s
      WHERE s.tenant_id = app.refresh_token.tenant_id AND (s.ended_at < now() - interval '60 days' OR s.expires_at < now() - interval '60 days'))`,
  },
]

/** The hourly upkeep: partitions of the audit ahead of time, and the sweeping of what has served its purpose. */
export const maintain: Task = async (context) => {
  const { db, log } = context
  // The cause of all that it does, in the audit and in the log.
  const runId = randomUUIDv7()
  log.debug({ runId }, 'upkeep')
  await db.directory(sql`audit.make_partitions()`)
  await db.directory(sql`directory.forget_login_attempts(${loginAttemptSeconds}::int)`)
  await db.directory(sql`directory.forget_allowances()`)
  for (const tenant of await db.tenants()) {
    for (const { table, where } of leftovers) {
      const mine = sql`${sql.identifier('app')}.${sql.identifier(table)} WHERE tenant_id = ${tenant.tenantId}::uuid AND ${where}`
      const [found] = await db.lookup<{ some: boolean }>(tenant, sql`SELECT EXISTS (SELECT FROM ${mine}) AS some`)
      if (!found?.some) continue
      await db.change(systemCaller(db, tenant, runId), { action: 'delete', resource: 'tenants' }, async (tx) => {
        await tx.query(sql`DELETE FROM ${mine}`)
        tx.touch({ resource: 'tenants', ids: [tenant.tenantId], changed: [table] })
      })
      log.debug({ table, runId }, 'leftovers swept')
    }
    await sweepInbound(context, tenant, runId)
    await sweepOutbox(context, tenant, runId)
    await sweepMedia(context, tenant, runId)
    await sweepConnections(context, tenant, runId)
    await sweepUploads(db, tenant, runId)
  }
  await sweepFiles(context)
}
