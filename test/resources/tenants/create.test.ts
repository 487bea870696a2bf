import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import t from 'tap'
import { parseConfig } from '../../../src/config.ts'
import { NotFirst, tenantCreate } from '../../../src/resources/tenants/create.ts'
import { openDatabase } from '../../../src/start.ts'
import { freshDatabase } from '../../harness/database.ts'

t.test('of services that start on one empty database at once, one makes the first tenant', async (t) => {
  const { url } = await freshDatabase(t)
  const config = parseConfig({ DATABASE_URL: url, MASTER_KEY: randomBytes(32).toString('base64') }, t.testdir())
  const migrations = new URL('../../../migrations/', import.meta.url)
  const services = await Promise.all([1, 2, 3].map(() => openDatabase(config, pino({ level: 'silent' }), migrations)))
  const made = await Promise.allSettled(
    services.map(({ db }, i) =>
      tenantCreate(db, {
        name: 'Default',
        ownerEmail: `owner-${i}@example.com`,
        ownerPassword: 'a-password-1',
        onlyFirst: true,
      }),
    ),
  )
  const reasons = made.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  t.equal(reasons.length, 2)
  t.ok(reasons.every((reason) => reason instanceof NotFirst))
  for (const { db } of services) t.equal((await db.tenants()).length, 1)
  for (const { db } of services) await db.close()
})
