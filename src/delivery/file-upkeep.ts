import { z } from 'zod'
import { sql } from '../db/sql.ts'
import { type Listed, recordOf } from '../privacy/file-store.ts'
import { attachmentStore } from '../resources/attachments/keep-file.ts'
import type { Task, WorkContext } from './task.ts'

const removal = z.object({ tenantId: z.uuid(), storedAs: z.string() })

/** Removes the bytes of a file that no row names any more. */
export const removeFile: Task = async ({ config }, payload) => {
  const { tenantId, storedAs } = removal.parse(payload)
  await attachmentStore(config).remove(tenantId, storedAs)
}

const batch = 500

export interface SweepAges {
  /** Nothing is written for so long. */
  draftMs: number
  /** Long after any upload has got its row; and time to notice that an old backup was put in place of the database. */
  orphanMs: number
}

const usualAges: SweepAges = { draftMs: 3_600_000, orphanMs: 86_400_000 }

/**
 * Sweeps what crashes have left in the file store: files half written, and files that no row names.
 * @returns how many were removed
 */
export async function sweepFiles(
  { db, config, log }: Pick<WorkContext, 'db' | 'config' | 'log'>,
  ages: SweepAges = usualAges,
): Promise<number> {
  const store = attachmentStore(config)
  let removed = 0
  for (const tenant of await db.tenants()) {
    const sweep = async (files: readonly Listed[]): Promise<void> => {
      const records = [...new Set(files.map((file) => recordOf(file.name)))]
      const rows = await db.lookup<{ stored_as: string }>(
        tenant,
        sql`SELECT stored_as FROM app.attachment WHERE tenant_id = ${tenant.tenantId}::uuid AND id = ANY (${sql.param(records)}::uuid[]) AND stored_as IS NOT NULL
          UNION ALL SELECT stored_as FROM app.inbound_event WHERE tenant_id = ${tenant.tenantId}::uuid AND id = ANY (${sql.param(records)}::uuid[]) AND stored_as IS NOT NULL`,
      )
      const named = new Set(rows.map((row) => row.stored_as))
      for (const { name } of files) {
        if (named.has(name)) continue
        await store.remove(tenant.tenantId, name)
        removed++
      }
    }
    let old: Listed[] = []
    for await (const file of store.list(tenant.tenantId)) {
      if (file.ageMs < (file.whole ? ages.orphanMs : ages.draftMs)) continue
      old.push(file)
      if (old.length < batch) continue
      await sweep(old)
      old = []
    }
    if (old.length > 0) await sweep(old)
  }
  if (removed > 0) log.info({ removed }, 'leftovers in the file store swept')
  return removed
}
