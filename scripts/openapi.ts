/**
 * Writes the OpenAPI document of the registered routes to openapi/openapi.json: `npm run openapi`. It needs no database:
 * the routes are there before anybody connects.
 */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { buildApp } from '../src/app.ts'
import { parseConfig } from '../src/config.ts'
import { Connections } from '../src/db/connections.ts'
import { Database } from '../src/db/database.ts'
import { Keyring } from '../src/privacy/keyring.ts'
import { models } from '../src/resources/index.ts'

const project = join(import.meta.dirname, '..')

/** Where the committed document is. */
export const documentFile = join(project, 'openapi/openapi.json')

/** The document as it is served with the default settings. */
export async function generateDocument(): Promise<string> {
  const config = parseConfig({}, project)
  // A pool opens no connection before it is asked for one.
  const connections = new Connections('postgres://nobody@127.0.0.1:1/none', 1, () => {})
  const db = new Database(connections, new Keyring(randomBytes(32)), models)
  const app = await buildApp({ config, db, log: pino({ level: 'silent' }) })
  const answer = await app.inject({ url: '/openapi.json' })
  await app.close()
  await db.close()
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return `${JSON.stringify(answer.json(), null, 2)}\n`
}

if (import.meta.main) {
  const text = await generateDocument()
  writeFileSync(documentFile, text)
  const { paths } = JSON.parse(text)
  console.log(`${documentFile}: ${Object.keys(paths).length} paths`)
}
