/**
 * Holds every sealed audit event of every tenant against the checkpoints inside and outside the database; also while the
 * service runs:
 *
 *   npm run audit:verify
 *
 * Settings as for the service. Exit code 0; or 1 with a line on standard output for each fault, naming the event. An
 * event of the last seconds may not be sealed yet, which is no fault.
 */
import { CheckpointFiles } from '../src/audit/checkpoint-files.ts'
import { newestOutside } from '../src/audit/outside.ts'
import { verifyTenant } from '../src/audit/verify.ts'
import { withDatabase } from './with-database.ts'

await withDatabase(async (db, config) => {
  const store = new CheckpointFiles(config.checkpointDir)
  const tenants = await db.tenants()
  for (const tenant of tenants) {
    const { tenantId } = tenant
    const begun = performance.now()
    const report = await verifyTenant({
      tenantId,
      store,
      run: (work) => db.sealed(tenant, work),
      fault: ({ eventId, text }) => {
        process.exitCode = 1
        console.log(`tenant ${tenantId}: ${eventId ? `event ${eventId} ${text}` : text}`)
      },
    })
    for (const text of report.remarks) console.error(`tenant ${tenantId}: ${text}`)
    const perSecond = Math.round(report.events / ((performance.now() - begun) / 1_000))
    const outcome = report.faults === 0 ? 'as they were sealed' : `${report.faults} faults`
    console.error(
      `tenant ${tenantId}: ${report.events} events and ${report.checkpoints} checkpoints, ${outcome} (${perSecond} events/s)`,
    )
  }
  const known = new Set(tenants.map((tenant) => tenant.tenantId))
  for (const tenantId of await store.tenants()) {
    const outside = known.has(tenantId) ? null : await newestOutside(store, tenantId)
    if (!outside) continue
    process.exitCode = 1
    console.log(
      `tenant ${tenantId}: is missing in the database; a checkpoint outside covers ${outside.size} events of it`,
    )
  }
})
