import pg from 'pg'
import { migrate } from '../../src/db/migrate.ts'
import { migrations, silent } from './database.ts'
import type { TestService } from './service.ts'

/** What whoever steals the application's login could send: SQL of their own, under its rights. */
export async function appClient(
  t: { teardown(end: () => Promise<void>): unknown },
  service: Pick<TestService, 'ownerUrl' | 'db'>,
): Promise<pg.Client> {
  const { ownerUrl, db } = service
  const url = await migrate({ ownerUrl, appUrl: null, keyring: db.keyring, folder: migrations, log: silent })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  return client
}
