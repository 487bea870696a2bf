/**
 * Measures the inbox of an agent among many conversations: pages, what is unread, the counts beside the folders.
 *
 *   node scripts/bench/inbox.ts --conversations 100000 --seconds 5 --connections 8
 *
 * Half of the conversations the agent has read (a few of those have gone on since), a hundred nobody has answered yet.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import { z } from 'zod'
import { buildApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import { Connections } from '../../src/db/connections.ts'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { Keyring } from '../../src/privacy/keyring.ts'
import { models } from '../../src/resources/index.ts'
import { tenantCreate } from '../../src/resources/tenants/create.ts'
import { type BenchRequest, load } from './load.ts'

const { values: args } = parseArgs({
  options: {
    conversations: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '8' },
  },
})

const dataDir = mkdtempSync(join(tmpdir(), 'custodia-bench-'))
chmodSync(dataDir, 0o711)
const database = await startEmbedded({ dataDir, log: { info: () => {}, warn: console.error } })
try {
  await measure(database.url)
} finally {
  await database.stop()
  rmSync(dataDir, { recursive: true, force: true })
}

async function measure(ownerUrl: string): Promise<void> {
  const log = pino({ level: 'silent' })
  const masterKey = randomBytes(32).toString('base64')
  const keyring = new Keyring(Buffer.from(masterKey, 'base64'))
  const folder = new URL('../../migrations/', import.meta.url)
  const appUrl = await migrate({ ownerUrl, appUrl: null, keyring, folder, log })
  const db = new Database(new Connections(appUrl, 8, () => {}), keyring, models)
  const config = parseConfig({ DATABASE_URL: ownerUrl, MASTER_KEY: masterKey, RATE_LIMIT_PER_MINUTE: '0' }, '/')
  const login = { email: 'owner@example.com', password: 'bench-password' }
  const { tenantId } = await tenantCreate(db, { name: 'Bench', ownerEmail: login.email, ownerPassword: login.password })
  const app = await buildApp({ config, db, log })
  const call = async <T>(shape: z.ZodType<T>, method: 'GET' | 'POST', url: string, token: string, payload?: object) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {}
    const answer = await app.inject({ method, url, ...(payload ? { payload } : {}), headers })
    return shape.parse(answer.json())
  }
  const session = z.object({ accessToken: z.string() })
  const owner = (await call(session, 'POST', '/v1/sessions', '', login)).accessToken
  const roles = await call(
    z.object({ data: z.array(z.object({ id: z.string() })) }),
    'GET',
    '/v1/roles?name=agent',
    owner,
  )
  const body = {
    email: 'mei@example.com',
    displayName: 'Mei',
    password: login.password,
    roleIds: roles.data.map(({ id }) => id),
  }
  const agent = await call(z.object({ id: z.string() }), 'POST', '/v1/members', owner, body)
  const { accessToken } = await call(session, 'POST', '/v1/sessions', '', { ...login, email: body.email })
  await seed(ownerUrl, tenantId, agent.id, Number(args.conversations))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  console.log(`${args.conversations} conversations, ${args.connections} connections, ${args.seconds} s a run`)
  const paths = {
    'page of 25': '/v1/conversations?limit=25&sort=-lastMessageAt',
    'open, with includes':
      '/v1/conversations?limit=25&status=open&sort=-lastMessageAt&include=contact,lastMessage,assignee',
    'page of 200': '/v1/conversations?limit=200&sort=-lastMessageAt',
    unread: '/v1/conversations?limit=25&unread=true&sort=-lastMessageAt',
    'unread, all of them': '/v1/conversations?limit=200&unread=true&sort=-lastMessageAt',
    counts: '/v1/conversations/counts',
  }
  for (const [name, path] of Object.entries(paths)) {
    const headers = { authorization: `Bearer ${accessToken}` }
    const { statusCode } = await app.inject({ method: 'GET', url: path, headers })
    if (statusCode !== 200) {
      console.log(`${name.padEnd(22)} ${statusCode}`)
      continue
    }
    const request: BenchRequest = { method: 'GET', path, headers }
    const alone = await load(port, [request], 1, 2)
    const many = await load(port, [request], Number(args.connections), Number(args.seconds))
    console.log(
      `${name.padEnd(22)} alone p50 ${alone.p50Ms} ms, p99 ${alone.p99Ms} ms; together ${many.perSecond.toFixed(0)} req/s, p99 ${many.p99Ms} ms, errors ${many.errors}`,
    )
  }
  await app.close()
  await db.close()
}

/** By plain SQL: what is measured is reading it. */
async function seed(ownerUrl: string, tenantId: string, memberId: string, conversations: number): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  await client.query('SET session_replication_role = replica')
  const [unit] = (await client.query<{ id: string }>('SELECT id FROM app.business_unit')).rows
  const id = `(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - $2 + n), 12, '0') || '7' || KIND || '8' || substr(md5(n::text), 1, 15))::uuid`
  const made = (kind: string) => id.replace('KIND', `'${kind}'`)
  await client.query(
    `INSERT INTO app.contact (tenant_id, id, business_unit_id, display_name, phone, country) SELECT $1, ${made('001')}, $3, 'Person ' || n, '+49151' || lpad(n::text, 8, '0'), 'DE' FROM generate_series(1, $2::int) AS n`,
    [tenantId, conversations, unit?.id],
  )
  await client.query(
    `INSERT INTO app.conversation (tenant_id, id, business_unit_id, contact_id, channel_id, channel, status, veiled, unread_count, assignee_id, last_message_id, last_message_at, waiting_since)
     SELECT $1, ${made('002')}, $3, ${made('001')}, gen_random_uuid(), 'whatsapp', CASE WHEN n % 5 = 0 THEN 'open' ELSE 'closed' END, '{}', (n % ($2 / 100) = 0)::int,
            CASE WHEN n % 50 = 0 THEN $4::uuid END, ${made('003')}, now() - ($2 - n) * interval '1 minute', CASE WHEN n % ($2 / 100) = 0 THEN now() END
       FROM generate_series(1, $2::int) AS n`,
    [tenantId, conversations, unit?.id, memberId],
  )
  await client.query(
    `INSERT INTO app.message (tenant_id, id, business_unit_id, conversation_id, contact_id, channel_id, direction, type, content, text, veiled, status, author_kind, occurred_at)
     SELECT $1, ${made('003')}, $3, ${made('002')}, ${made('001')}, gen_random_uuid(), 'inbound', 'text', '{}', 'Is my order on its way?', '{}', 'received', 'contact', now() - ($2 - n) * interval '1 minute'
       FROM generate_series(1, $2::int) AS n`,
    [tenantId, conversations, unit?.id],
  )
  const [reads] = (await client.query(`SELECT to_regclass('app.conversation_read') IS NOT NULL AS yes`)).rows as {
    yes: boolean
  }[]
  if (reads?.yes) {
    await client.query('UPDATE app.conversation SET heard_count = 3')
    await client.query(
      `INSERT INTO app.conversation_read (tenant_id, member_id, conversation_id, business_unit_id, message_id, message_at, read_count, is_behind)
       SELECT tenant_id, $2, id, business_unit_id, last_message_id, last_message_at, 3 - late, late = 1 FROM (SELECT *, (row_number() OVER (ORDER BY id) % 500 = 0)::int AS late FROM app.conversation) AS c
        WHERE tenant_id = $1 AND get_byte(decode(md5(id::text), 'hex'), 0) < 128`,
      [tenantId, memberId],
    )
  }
  await client.query('VACUUM ANALYZE')
  await client.end()
}
