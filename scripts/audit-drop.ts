/**
 * Drops the months of the audit that are older than AUDIT_RETENTION_MONTHS, also while the service runs:
 *
 *   npm run audit:drop                        all of them, oldest first
 *   npm run audit:drop -- --month 2025-01     one of them
 *   npm run audit:drop -- --dry-run           only says which
 *
 * A month goes only when all of it is sealed under a checkpoint that stands outside the database too; an event of each
 * tenant says so. Its leaves stay, so that proofs handed out before still verify. Settings as for the service. Exit code
 * 1 where a month could not be dropped, 2 where the arguments are wrong.
 */
import { parseArgs } from 'node:util'
import { CheckpointFiles } from '../src/audit/checkpoint-files.ts'
import { dropMonth, monthsPast, NotDropped } from '../src/audit/drop-month.ts'
import { AuditMonths } from '../src/db/audit-months.ts'
import { told, UsageError, withDatabase } from './with-database.ts'

const usage = 'Usage: npm run audit:drop -- [--month YYYY-MM] [--dry-run]'

await told(async () => {
  const { month, isDry } = readArguments(process.argv.slice(2))
  await withDatabase(async (db, config, ownerUrl) => {
    const retention = config.auditRetentionMonths
    if (retention === 0)
      throw new UsageError('AUDIT_RETENTION_MONTHS is not set: audit events are kept for ever, and none is dropped.')
    const months = await AuditMonths.open(ownerUrl, db.models)
    try {
      const past = monthsPast(await months.all(), retention, new Date())
      if (month !== undefined && !past.includes(month))
        throw new UsageError(`${month} is no month of the audit that is older than ${retention} months.`)
      const chosen = month === undefined ? past : [month]
      if (chosen.length === 0) console.log(`No month of the audit is older than ${retention} months.`)
      const store = new CheckpointFiles(config.checkpointDir)
      for (const one of chosen) {
        if (isDry) {
          console.log(`${one} would be dropped`)
          continue
        }
        const lost = await dropMonth({ db, months, store }, one)
        const events = lost.reduce((sum, tenant) => sum + tenant.events, 0)
        console.log(`${one} is dropped: ${events} events of ${lost.length} tenants`)
      }
    } catch (error) {
      if (!(error instanceof NotDropped)) throw error
      console.error(error.message)
      process.exitCode = 1
    } finally {
      await months.close()
    }
  })
})

function readArguments(args: string[]): { month: string | undefined; isDry: boolean } {
  try {
    const { values } = parseArgs({ args, options: { month: { type: 'string' }, 'dry-run': { type: 'boolean' } } })
    if (values.month !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(values.month))
      throw new Error('--month must be a month such as 2025-01.')
    return { month: values.month, isDry: values['dry-run'] === true }
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
}
