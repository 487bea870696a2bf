import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { migrate } from '../../src/db/migrate.ts'
import { Keyring } from '../../src/privacy/keyring.ts'

/** A database of its own for one test file; what is in it goes with it. */
export interface FreshDatabase {
  /** Superuser's login. */
  url: string
  name: string
}

/**
 * Makes an empty database (UTF-8, C.UTF-8) in the PostgreSQL of the test run, and drops it when the test has ended.
 *
 * Roles belong to the whole PostgreSQL: whoever makes some must begin their names with the name of the database, as
 * the migrations do; those go with it too.
 */
export function freshDatabase(t: Test): Promise<FreshDatabase> {
  return makeDatabase(t, `TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'`)
}

/** The same with all migrations run, as a start of the service finds it the second time; see scripts/test-template.ts. */
export function preparedDatabase(t: Test): Promise<FreshDatabase> {
  return makeDatabase(t, `TEMPLATE ${template()} STRATEGY FILE_COPY`)
}

interface Test {
  teardown(end: () => Promise<void>): unknown
}

async function makeDatabase(t: Test, from: string): Promise<FreshDatabase> {
  const name = `test_${Date.now().toString(36)}_${randomBytes(4).toString('hex')}`
  await asSuperuser(`CREATE DATABASE ${name} ${from}`)
  t.teardown(async () => {
    await asSuperuser(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    for (const { rolname } of await asSuperuser(`SELECT rolname FROM pg_roles WHERE starts_with(rolname, '${name}')`)) {
      await asSuperuser(`DROP ROLE IF EXISTS ${pg.escapeIdentifier(String(rolname))}`)
    }
  })
  const url = new URL(serverUrl())
  url.pathname = name
  return { url: url.href, name }
}

/** A database of its own with everything migrated; `appUrl` is the login that the service works under. */
export async function migratedDatabase(t: Test): Promise<FreshDatabase & { appUrl: string; keyring: Keyring }> {
  const database = await freshDatabase(t)
  const keyring = new Keyring(randomBytes(32))
  return {
    ...database,
    keyring,
    appUrl: await migrate({ ownerUrl: database.url, appUrl: null, keyring, folder: migrations, log: silent }),
  }
}

export const migrations = new URL('../../migrations/', import.meta.url)
export const silent = { info: () => {}, warn: () => {} }

/** The address that scripts/test.ts hands to the tests. */
export function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL
  if (url) return url
  throw new Error('This test needs the database that `node scripts/test.ts <file>` starts: run it that way')
}

function template(): string {
  const name = process.env.TEST_DATABASE_TEMPLATE
  if (name) return name
  throw new Error('This test needs what `node scripts/test.ts <file>` prepares: run it that way')
}

async function asSuperuser(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: serverUrl() })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end()
  }
}
