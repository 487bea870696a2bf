/**
 * Measures filters and sorts by custom fields, and says which indexes they use:
 *
 *   node scripts/bench/custom-fields.ts [--contacts 200000] [--runs 7]
 *
 * Five fields with a value for nearly every contact. Times are medians of whole requests without a network.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import { z } from 'zod'
import { buildApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import { Connections } from '../../src/db/connections.ts'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { Keyring } from '../../src/privacy/keyring.ts'
import { models } from '../../src/resources/index.ts'
import { prepare } from './prepare.ts'

const { values: args } = parseArgs({
  options: { contacts: { type: 'string', default: '200000' }, runs: { type: 'string', default: '7' } },
})
const options = ['red', 'green', 'blue', 'white', 'black', 'grey', 'pink', 'teal'].map((value) => ({ value }))
const fields = [
  { key: 'card', type: 'text', column: 'text_value', value: `'K-' || n` },
  { key: 'size', type: 'number', column: 'number_value', value: 'n % 20000' },
  { key: 'since', type: 'date', column: 'date_value', value: `DATE '2000-01-01' + n % 9000` },
  {
    key: 'colours',
    type: 'multiChoice',
    options,
    column: 'list_value',
    value: `ARRAY[(ARRAY['red','green','blue','white','black','grey','pink'])[1 + n % 7]] || CASE WHEN n % 5000 = 0 THEN ARRAY['teal'] ELSE '{}'::text[] END`,
  },
  { key: 'vip', type: 'boolean', column: 'boolean_value', value: 'n % 1000 = 0' },
]
const asked = [
  '',
  'customFields.card=K-77777',
  'customFields.card[startsWith]=K-7777',
  'customFields.size=777',
  'customFields.size[gte]=19990',
  'customFields.since[gte]=2024-08-20',
  'customFields.colours=teal',
  'customFields.colours=red',
  'customFields.vip=true',
  'customFields.vip=true&customFields.size[lt]=5000&country=DE',
  'sort=customFields.size',
  'sort=-customFields.since',
  'sort=customFields.card',
  'customFields.colours=teal&sort=-customFields.size',
]

const dataDir = mkdtempSync(join(tmpdir(), 'custodia-bench-'))
chmodSync(dataDir, 0o711)
const database = await startEmbedded({ dataDir, log: { info: () => {}, warn: console.error } })
try {
  const masterKey = Buffer.alloc(32, 1).toString('base64')
  const { appUrl, tenantId, token } = await prepare(database.url, masterKey, Number(args.contacts))
  const db = new Database(new Connections(appUrl, 4, () => {}), new Keyring(Buffer.from(masterKey, 'base64')), models)
  const config = parseConfig({ DATABASE_URL: database.url, MASTER_KEY: masterKey, RATE_LIMIT_PER_MINUTE: '0' }, '/')
  const app = await buildApp({ config, db, log: pino({ level: 'silent' }) })
  const ask = async (method: 'GET' | 'POST', url: string, payload?: object): Promise<{ text: string; ms: number }> => {
    const begun = performance.now()
    const headers = { authorization: `Bearer ${token}` }
    const answer = await app.inject({ method, url, headers, ...(payload ? { payload } : {}) })
    if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.body}`)
    return { text: answer.body, ms: performance.now() - begun }
  }
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  // Seeds: nobody asks for their audit events.
  await client.query('SET session_replication_role = replica')
  for (const { column, value, ...field } of fields) {
    const made = await ask('POST', '/v1/custom-fields', { resource: 'contacts', ...field })
    const { id } = z.object({ id: z.uuid() }).parse(JSON.parse(made.text))
    await client.query(
      `INSERT INTO app.contact_custom_value (tenant_id, contact_id, field_id, business_unit_id, ${column})
       SELECT c.tenant_id, c.id, $2, c.business_unit_id, ${value}
         FROM (SELECT *, row_number() OVER (ORDER BY id) AS row FROM app.contact WHERE tenant_id = $1) AS c
        CROSS JOIN LATERAL (SELECT (c.row * 7919 % 1000003)::int AS n) AS scattered WHERE c.row % 50 > 0`,
      [tenantId, id],
    )
  }
  await client.query('VACUUM ANALYZE app.contact_custom_value')
  const [size] = (
    await client.query(
      `SELECT count(*)::int AS rows, pg_size_pretty(pg_total_relation_size('app.contact_custom_value')) AS size FROM app.contact_custom_value`,
    )
  ).rows
  console.log(`${args.contacts} contacts, ${size.rows} values (${size.size} with their indexes)\n`)
  const scans = async (): Promise<Map<string, number>> => {
    // Statistics arrive a second after a session has become idle.
    await sleep(1_200)
    const { rows } = await client.query(
      `SELECT indexrelname AS name, idx_scan::int AS count FROM pg_stat_user_indexes WHERE relname IN ('contact', 'contact_custom_value')
       UNION ALL SELECT relname || ' (whole)', seq_scan::int FROM pg_stat_user_tables WHERE relname IN ('contact', 'contact_custom_value')`,
    )
    return new Map(rows.map(({ name, count }) => [String(name), Number(count)]))
  }
  for (const query of asked) {
    const before = await scans()
    const times: number[] = []
    for (let i = 0; i < Number(args.runs); i++) times.push((await ask('GET', `/v1/contacts?limit=25&${query}`)).ms)
    const after = await scans()
    const used = [...after].filter(([name, count]) => count > (before.get(name) ?? 0)).map(([name]) => name)
    const middle = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0
    console.log(`${middle.toFixed(1).padStart(8)} ms  ${query.padEnd(62)} ${used.join(', ')}`)
  }
  await client.end()
  await app.close()
  await db.close()
} finally {
  await database.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
