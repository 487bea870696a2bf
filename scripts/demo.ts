/**
 * Fills a tenant of its own with a believable cross-border company, to look at and to build against:
 *
 *   npm run demo                        a tenant called "Meridian Trading"
 *   npm run demo -- --tenant Northwind  another one of the same kind
 *
 * Three business units, six teams, members in every role, 2,000 contacts, 4,000 conversations with 10,000 messages on
 * all types of channels over the last 90 days. The people and what they say are made up, addresses and most numbers
 * are of ranges that belong to nobody, and no channel leads to a real provider. Everything but the times is the same at
 * each run. Settings as for the service, which may run meanwhile. Prints the logins at the end.
 */
import { parseArgs } from 'node:util'
import { buildApp } from '../src/app.ts'
import type { Config } from '../src/config.ts'
import type { Database } from '../src/db/database.ts'
import { sql } from '../src/db/sql.ts'
import { createLog } from '../src/log.ts'
import { text } from '../src/resources/values.ts'
import { fillTenant } from './demo/fill.ts'
import { describeLogins } from './demo/logins.ts'
import { Progress } from './demo/progress.ts'
import { type Company, setUpSteps } from './demo/set-up.ts'
import { told, UsageError, withDatabase } from './with-database.ts'

const usage = 'Usage: npm run demo -- [--tenant <name of the tenant>]'
const counts = { contacts: 2_000, conversations: 4_000, messages: 10_000 }

await told(async () => {
  const name = tenantName(process.argv.slice(2))
  await withDatabase(async (db, config) => {
    const known = await tenantNamed(db, name)
    if (known) {
      console.log(`There is a tenant "${name}" already (${known}); nothing was changed.`)
      console.log('Another one of the same kind: npm run demo -- --tenant <another name>')
      return
    }
    const begun = performance.now()
    const company = await fill(db, config, name)
    const seconds = ((performance.now() - begun) / 1000).toFixed(1)
    const [contacts, conversations, messages] = Object.values(counts).map((count) => count.toLocaleString('en'))
    console.log(`"${name}" has ${contacts} contacts and ${messages} messages in ${conversations} conversations.`)
    console.log(`It took ${seconds} s.\n`)
    console.log(await describeLogins(company, config.publicUrl))
  })
})

async function fill(db: Database, config: Config, name: string): Promise<Company> {
  const progress = new Progress(setUpSteps + counts.contacts + counts.conversations + counts.messages)
  const app = await buildApp({ config, db, log: createLog({ logLevel: 'warn', logPretty: false }, false) })
  try {
    return await fillTenant(app, db, name, counts, progress)
  } finally {
    progress.end()
    await app.close()
  }
}

async function tenantNamed(db: Database, name: string): Promise<string | null> {
  for (const tenant of await db.tenants()) {
    const found = await db.lookup(
      tenant,
      sql`SELECT FROM app.tenant WHERE tenant_id = ${tenant.tenantId}::uuid AND lower(name) = lower(${name})`,
    )
    if (found.length > 0) return tenant.tenantId
  }
  return null
}

function tenantName(args: string[]): string {
  try {
    const { values } = parseArgs({ args, options: { tenant: { type: 'string', default: 'Meridian Trading' } } })
    const name = text(100, 'name', 'Meridian').safeParse(values.tenant.trim())
    if (name.success) return name.data
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`)
  }
  throw new UsageError(`--tenant must have 1 to 100 characters.\n${usage}`)
}
