import { setTimeout as sleep } from 'node:timers/promises'
import { CheckpointFiles, type CheckpointStore } from '../../src/audit/checkpoint-files.ts'
import { seal } from '../../src/audit/seal.ts'
import type { TestService } from './service.ts'

/** Seals all that has happened so far, of every tenant; no sealer runs in tests unless one is started. */
export async function sealAll(
  { db, config }: TestService,
  store: CheckpointStore = new CheckpointFiles(config.checkpointDir),
): Promise<void> {
  for (const tenant of await db.tenants())
    for (let tries = 0; ; tries++) {
      const done = await seal(db, store, tenant)
      if (done.isDone && done.unsealed.count === 0) break
      // A transaction of somebody else in the same cluster holds events back.
      if (tries > 400) throw new Error('what happened does not get sealed')
      await sleep(25)
    }
}
