import type { AuditMonths } from '../db/audit-months.ts'
import type { Database } from '../db/database.ts'
import type { CheckpointStore } from './checkpoint-files.ts'
import { formatDrop } from './dropped-month.ts'
import { type Signer, signNote } from './note.ts'
import { isRoot, newestOutside } from './outside.ts'
import { SealingFault } from './sealing-fault.ts'
import { signerOf, timeLine } from './signing-keys.ts'

/** Why a month stays; the message is for the operator. */
export class NotDropped extends Error {
  override readonly name = 'NotDropped'
}

/**
 * The months whose every event is older than the retention.
 * @param months "2025-01", oldest first
 * @param retention in months; 0: kept for ever
 */
export function monthsPast(months: readonly string[], retention: number, now: Date): string[] {
  if (retention === 0) return []
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - retention, 1))
  // The last moment of the month before is the first that is older than so many whole months.
  return months.filter((month) => month < first.toISOString().slice(0, 7))
}

/**
 * Drops one month of the audit for all tenants, when all of it is sealed under a checkpoint that stands outside the
 * database too. Its leaves stay: proofs handed out before still verify, and so does everything else. That it was dropped
 * is noted outside, too, signed: without that, audit:verify misses each event.
 * @returns how many events each tenant lost
 * @throws NotDropped where a tenant's month is not covered; then nothing was dropped
 */
export async function dropMonth(
  { db, months, store }: { db: Database; months: AuditMonths; store: CheckpointStore },
  month: string,
): Promise<{ tenantId: string; events: number }[]> {
  const lost: { tenantId: string; region: string; events: number; notes: string[] }[] = []
  for (const tenant of await db.tenants()) {
    const { tenantId } = tenant
    const outside = await newestOutside(store, tenantId)
    const sealed = await db.sealed(tenant, async (tables) => {
      if (!outside) return null
      const [known] = await tables.checkpoints(outside.size - 1, 1)
      const holds = known?.size === outside.size && (await isRoot(tables, outside.size, outside.rootHash))
      return holds ? { epoch: known.epoch, transactionId: known.watermark } : undefined
    })
    if (sealed === undefined)
      throw new NotDropped(`${tenantId}: the newest checkpoint outside the database is not one of its own`)
    const { events, beyond } = await months.count(month, tenant, sealed ?? { epoch: 0, transactionId: '0' })
    if (beyond > 0)
      throw new NotDropped(`${tenantId}: ${beyond} events of ${month} are under no checkpoint outside the database`)
    if (events === 0 || !outside) continue
    const text = formatDrop(tenantId, { month, events }, [timeLine(new Date().toISOString())])
    // The checkpoint once more, so that it stays among the last notes however many months are dropped.
    lost.push({ ...tenant, events, notes: [signNote(text, await signer(db, tenant)), outside.note] })
  }
  await months.drop(month, lost, async () => {
    for (const { tenantId, notes } of lost) await store.append(tenantId, 'checkpoints', notes)
  })
  return lost.map(({ tenantId, events }) => ({ tenantId, events }))
}

async function signer(db: Database, tenant: { tenantId: string; region: string }): Promise<Signer> {
  const tenantKeys = await db.tenantKeys(tenant)
  const { newest, secret } = await db.sealed(tenant, async (tables) => ({
    newest: (await tables.keys()).at(-1),
    secret: await tables.secret(),
  }))
  if (!newest) throw new NotDropped(`${tenant.tenantId}: the database has no signing key of it`)
  try {
    return signerOf(tenantKeys, newest, secret)
  } catch (error) {
    if (!(error instanceof SealingFault)) throw error
    throw new NotDropped(`${tenant.tenantId}: its signing key cannot be used`)
  }
}
