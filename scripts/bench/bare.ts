/** The bare handler of the benchmark: see run.ts. Fastify and pg, the same statements, nothing else. */
import { createHash, randomUUIDv7 } from 'node:crypto'
import fastify from 'fastify'
import pg from 'pg'
import { eventStatement, eventValues, type Touched, touchedValues } from '../../src/db/audit-event.ts'
import type { Tx } from '../../src/db/database.ts'
import { type PrincipalRow, principalOf, principalSql, standingSql, standingValues } from '../../src/db/principals.ts'
import { readStatement } from '../../src/db/read-statement.ts'
import { updateRow } from '../../src/db/row-changes.ts'
import { fetchPlan, listPlan } from '../../src/db/rows.ts'
import { type Compiled, compile, fill, sql } from '../../src/db/sql.ts'
import { readSecret } from '../../src/http/tokens.ts'
import { contacts } from '../../src/resources/contacts/schema.ts'
import { models } from '../../src/resources/index.ts'
import type { Prepared } from './prepare.ts'

const prepared = JSON.parse(process.env.BENCH ?? '{}') as Prepared
const pool = new pg.Pool({
  connectionString: prepared.appUrl,
  max: 10,
  pipeline: true,
} as pg.PoolConfig)
const begin = `BEGIN; SET LOCAL app.tenant = '${prepared.tenantId}'; SET LOCAL app.units = ''; SET LOCAL app.all_units = 'on'`

const secret = readSecret('cak', prepared.token)
if (!secret) throw new Error('no key')
const credential = { kind: 'apiKey', tenantId: secret.tenantId, apiKeyId: secret.id, secretHash: secret.hash } as const
const lookup = compile(principalSql(credential))
const client = await pool.connect()
await client.query(begin)
const { rows } = await client.query<PrincipalRow>(lookup.text, [...lookup.params])
await client.query('COMMIT')
client.release()
if (!rows[0]) throw new Error('no principal')
const principal = principalOf(credential, { ...rows[0], policy_version: Number(rows[0].policy_version) }, models)

const meta = { requestId: 'bare', ip: '127.0.0.1', purpose: null }
const read = fetchPlan(principal, contacts, prepared.contactId)
// Named like the service's own: parsed and planned once per connection.
const readText = named('read', compile(readStatement(read.parts(), standingSql(credential), true)))
const list = listPlan(principal, contacts, {
  where: null,
  sort: null,
  limit: 25,
  after: null,
  q: null,
  include: [],
  trashed: false,
})
const listText = named('list', compile(readStatement(list.parts(), standingSql(credential), false)))
const event = named('event', eventStatement)

interface Statement {
  text: string
  name?: string
  values: unknown[]
}

function named(name: string, { text, params }: Compiled): Compiled & { name: string } {
  return { text, params, name }
}

async function run(statements: readonly Statement[]): Promise<pg.QueryResult[]> {
  const connection = await pool.connect()
  try {
    return await Promise.all([
      connection.query(begin),
      ...statements.map(({ text, name, values }) => connection.query({ text, values, ...(name ? { name } : {}) })),
      connection.query('COMMIT'),
    ])
  } finally {
    connection.release()
  }
}
const values = (action: 'read' | 'update' | 'import', more: object): Record<string, unknown> => ({
  ...eventValues(randomUUIDv7(), principal, { action, resource: 'contacts' }, meta),
  ...standingValues(principal),
  ...more,
})

const audited = (action: 'update' | 'import', touched: Touched[]): Statement => ({
  ...event,
  values: fill(event, values(action, touchedValues(touched, 'allowed', null))),
})

const app = fastify({ logger: false })
app.get('/health/ready', async () => ({ status: 'ok' }))
app.get('/v1/contacts/:id', async (request) => {
  const { id } = request.params as { id: string }
  const [, result] = await run([{ ...readText, values: fill(readText, values('read', { id, wanted: id })) }])
  return result?.rows[0].rows[0]
})
app.get('/v1/contacts', async () => {
  const [, result] = await run([
    { ...listText, values: fill(listText, values('read', { ...list.values, wanted: undefined })) },
  ])
  return { data: result?.rows[0].rows }
})
app.patch('/v1/contacts/:id', async (request) => {
  const { id } = request.params as { id: string }
  const { followUpStatus } = request.body as { followUpStatus: string }
  const update = compile(updateRow({ principal } as Tx, contacts, id, { follow_up_status: followUpStatus }))
  const touched = [{ resource: 'contacts', ids: [id], changed: ['followUpStatus'], subjectIds: [id] }]
  const [, result] = await run([
    { text: update.text, name: 'update', values: [...update.params] },
    audited('update', touched),
  ])
  return result?.rows[0].view
})
app.post('/v1/ingest/:id', { bodyLimit: 4_194_304 }, async (request) => {
  const body = JSON.stringify(request.body)
  const id = randomUUIDv7()
  const dedupe = createHash('sha256').update(body).digest()
  const lane = createHash('sha256')
    .update(
      String(
        (request.body as { entry: { changes: { value: { messages: { from: string }[] } }[] }[] }).entry[0]?.changes[0]
          ?.value.messages[0]?.from,
      ),
    )
    .digest()
  const insert =
    compile(sql`INSERT INTO app.inbound_event (tenant_id, id, business_unit_id, channel_id, received_channel_id, type, account, dedupe_hash, lane, kind, status, sealed_payload)
    SELECT ${prepared.tenantId}::uuid, ${id}::uuid, c.business_unit_id, c.id, c.id, c.type, c.account, ${dedupe}, ${lane}, 'messages.text', 'stored', ${Buffer.from(body)}
    FROM app.channel c WHERE c.tenant_id = ${prepared.tenantId}::uuid AND c.id = ${prepared.channelId}::uuid ON CONFLICT (tenant_id, type, account, dedupe_hash) DO NOTHING`)
  // A task that nobody works on: the worker of the service must not be loaded by the bare handler's jobs.
  const job = compile(
    sql`SELECT app.enqueue('bench', ARRAY[${`bench/${lane.toString('hex')}`}]::text[], ARRAY[${JSON.stringify({ tenantId: prepared.tenantId })}]::jsonb[])`,
  )
  const touched = [{ resource: 'inbound-events', ids: [id] }]
  await run([
    { text: insert.text, name: 'insert', values: [...insert.params] },
    { text: job.text, name: 'job', values: [...job.params] },
    audited('import', touched),
  ])
  return { ok: true }
})
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
process.on('SIGTERM', () => process.exit(0))
