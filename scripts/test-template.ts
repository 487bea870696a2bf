import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { migrate } from '../src/db/migrate.ts'
import { Keyring } from '../src/privacy/keyring.ts'

const folder = new URL('../migrations/', import.meta.url)
const silent = { info: () => {}, warn: () => {} }

/**
 * Makes a database in which all migrations have run and which nobody has started a service on yet: a copy of it is there
 * in a tenth of the time that the migrations take, and hundreds of tests want one. It knows no login of the service's and
 * no epoch, those are made when a service starts on a copy.
 * @param server a superuser's address
 * @returns its name
 */
export async function makeTemplate(server: string): Promise<string> {
  const name = `test_template_${randomBytes(4).toString('hex')}`
  await asked(server, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'`)
  const url = new URL(server)
  url.pathname = name
  const keyring = new Keyring(randomBytes(32))
  const app = new URL(await migrate({ ownerUrl: url.href, appUrl: null, keyring, folder, log: silent }))
  const login = pg.escapeIdentifier(decodeURIComponent(app.username))
  await asked(
    url.href,
    `SET custodia.audit_ddl = 'on'; DELETE FROM directory.installation; DROP OWNED BY ${login}; DROP ROLE ${login}`,
  )
  return name
}

export async function dropTemplate(server: string, name: string): Promise<void> {
  await asked(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
}

async function asked(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
