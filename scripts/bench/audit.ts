/**
 * Measures a large audit: what an event takes on disk, how fast events are sealed, and how long the questions take that
 * people ask of it.
 *
 *   node scripts/bench/audit.ts [--events 10000000] [--contacts 200000] [--asks 300] [--bulk]
 *
 * A tenth of the events are lists of 25 contacts, the others name one; over twelve months, 50 members. Traffic goes to
 * 127.0.0.1 only. Takes some 8 GB at the full size, and with --bulk a quarter of an hour: then the index of ids is made
 * after the events, and what they take on disk is not measured.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { CheckpointFiles } from '../../src/audit/checkpoint-files.ts'
import { seal } from '../../src/audit/seal.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { preparePolicies } from './policies.ts'

const { values: args } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    contacts: { type: 'string', default: '200000' },
    asks: { type: 'string', default: '300' },
    bulk: { type: 'boolean', default: false },
  },
})
const total = Number(args.events)
let filled = 0
const asks = Number(args.asks)
const dataDir = mkdtempSync(join(tmpdir(), 'custodia-bench-'))
chmodSync(dataDir, 0o711)
let close = async (): Promise<void> => {}
const database = await startEmbedded({ dataDir, log: { info: () => {}, warn: console.error } })
try {
  const prepared = await preparePolicies(database.url, Number(args.contacts))
  const { port, db } = prepared
  close = prepared.close
  const [tenant] = await db.tenants()
  if (!tenant) throw new Error('no tenant')
  const client = new pg.Client({ connectionString: database.url })
  client.on('error', () => {})
  await client.connect()
  const ask = async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> =>
    (await client.query<T>(text, values)).rows
  await months()
  await ask(
    `CREATE UNLOGGED TABLE public.person AS SELECT row_number() OVER ()::int AS n, id FROM app.contact WHERE tenant_id = $1`,
    [tenant.tenantId],
  )
  await ask('ALTER TABLE public.person ADD PRIMARY KEY (n)')

  const [{ index = '' } = {}] = await ask<{ index: string }>(
    `SELECT pg_get_indexdef('audit.event_ids'::regclass) AS index`,
  )
  if (args.bulk) await definition('DROP INDEX audit.event_ids')
  const batch = Math.min(500_000, total / 10)
  for (let done = 0; done < total; done += batch) {
    await fill(batch * 0.9, 1)
    await fill(batch * 0.1, 25)
  }
  if (args.bulk) {
    await ask(`SET maintenance_work_mem = '1GB'`)
    await definition(index.replace(' ON ONLY ', ' ON '))
  } else await measureBytes()
  await ask('VACUUM ANALYZE audit.event')
  const [{ n = 0 } = {}] = await ask<{ n: number }>('SELECT count(*)::float8 AS n FROM audit.event')
  console.log(`${n} events, ${((await size()) / 2 ** 30).toFixed(1)} GB`)

  const store = new CheckpointFiles(join(dataDir, 'checkpoints'))
  const began = performance.now()
  let sealed = 0
  for (;;) {
    const done = await seal(db, store, tenant)
    sealed += done.events
    if (!done.isMore) break
  }
  const seconds = (performance.now() - began) / 1000
  console.log(`sealed ${sealed} events in ${seconds.toFixed(0)} s: ${(sealed / seconds).toFixed(0)} events/s`)
  await ask('VACUUM ANALYZE audit.leaf')
  const [leaves] = await ask<{ bytes: string }>(`SELECT pg_total_relation_size('audit.leaf')::text AS bytes`)
  console.log(`leaves: ${(Number(leaves?.bytes) / sealed).toFixed(0)} bytes each`)

  const people = await ask<{ id: string }>('SELECT id FROM public.person ORDER BY random() LIMIT $1', [asks])
  const events = await ask<{ id: string }>(
    'SELECT event_id AS id FROM audit.event TABLESAMPLE SYSTEM (0.05) ORDER BY random() LIMIT $1',
    [asks],
  )
  const actors = await ask<{ id: string }>(
    'SELECT DISTINCT actor_id AS id FROM audit.event WHERE action = $1 LIMIT 50',
    ['read'],
  )
  const to = new Date().toISOString()
  const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString()
  console.log('question                              p50 ms   p95 ms   p99 ms')
  const at = (list: readonly { id: string }[], i: number): string => list[i % list.length]?.id ?? ''
  await timed('who touched a contact', asks, (i) => `/v1/audit-events?recordId=${at(people, i)}&limit=25`)
  await timed('what concerns a contact', asks, (i) => `/v1/audit-events?subjectId=${at(people, i)}&limit=25`)
  await timed('what a member did', asks, (i) => `/v1/audit-events?actorId=${at(actors, i)}&limit=25`)
  await timed('what was refused', asks, () => '/v1/audit-events?outcome=denied&limit=25')
  await timed('one event', asks, (i) => `/v1/audit-events/${at(events, i)}`)
  await timed('the proof of an event', asks, (i) => `/v1/audit-events/${at(events, i)}/proof`)
  for (const days of [1, 30])
    await timed(
      `whom a member saw in ${days} days`,
      10,
      (i) => `/v1/audit/affected-contacts?actorId=${at(actors, i)}&from=${daysAgo(days)}&to=${to}`,
    )
  await client.end()

  async function definition(text: string): Promise<void> {
    await ask('BEGIN')
    await ask(`SET LOCAL custodia.audit_ddl = 'on'`)
    await ask(text)
    await ask('COMMIT')
  }

  /** By far most bytes of a list are in the index of ids, and there what counts is how often a contact comes again. */
  async function measureBytes(): Promise<void> {
    const more = total / 50
    const start = await size()
    await fill(more, 1)
    const single = (await size()) - start
    await fill(more, 25)
    const lists = (await size()) - start - single
    console.log(
      `an event of one record: ${(single / more).toFixed(0)} bytes with its indexes; each further one: ${((lists - single) / more / 24).toFixed(0)}`,
    )
  }

  /** A partition for each of the past twelve months. */
  async function months(): Promise<void> {
    await ask('BEGIN')
    await ask(`SET LOCAL custodia.audit_ddl = 'on'`)
    await ask(`DO $$ DECLARE m timestamp; name text; BEGIN
      FOR i IN 1..12 LOOP
        m := date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => i);
        name := 'event_' || to_char(m, 'YYYY_MM');
        EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.event FOR VALUES FROM (%L) TO (%L)', name, m::text || '+00', (m + interval '1 month')::text || '+00');
        EXECUTE format('CALL audit.guard(%L, true)', 'audit.' || name);
      END LOOP; END $$`)
    await ask('COMMIT')
  }

  /** Events of so many contacts each, in transactions of 10,000. */
  async function fill(count: number, records: number): Promise<void> {
    const shape = JSON.stringify([{ resource: 'contacts', shown: ['id', 'displayName'], masked: ['phone'] }])
    await ask(`INSERT INTO audit.shape SELECT $1::uuid, audit.shape_id($2::jsonb), $2::jsonb ON CONFLICT DO NOTHING`, [
      tenant?.tenantId,
      shape,
    ])
    for (let from = 0; from < count; from += 10_000, filled += 10_000)
      await ask(
        `INSERT INTO audit.event (tenant_id, event_id, occurred_at, actor_kind, actor_id, action, resource, shape_id, ids, row_count, outcome, code, request_id, ip)
         SELECT $1::uuid, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid,
                at, 'member', ('00000000-0000-7000-8000-' || lpad((n % 50)::text, 12, '0'))::uuid, 'read', 'contacts', audit.shape_id($2::jsonb),
                ARRAY(SELECT (SELECT p.id FROM public.person AS p WHERE p.n = r.n) FROM (SELECT 1 + floor(random() * $4::int)::int + 0 * e.n AS n FROM generate_series(1, $3::int) OFFSET 0) AS r),
                $3::int, CASE WHEN n % 500 = 0 THEN 'denied' ELSE 'allowed' END, CASE WHEN n % 500 = 0 THEN 'forbidden' END, gen_random_uuid()::text, '203.0.113.7'
           FROM (SELECT n, now() - interval '340 days' * (1 - $5::float8 - random() / 1000) AS at FROM generate_series(1, 10000) AS n ORDER BY 2) AS e`,
        [tenant?.tenantId, shape, records, Number(args.contacts), Math.min(0.999, filled / (total * 1.05))],
      )
  }

  async function login(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'owner@example.com', password: 'bench-password' }),
    })
    return ((await answer.json()) as { accessToken: string }).accessToken
  }

  async function size(): Promise<number> {
    // What waits to go into the index is not in its place yet.
    await ask(`SELECT gin_clean_pending_list(i.indexrelid) FROM pg_inherits AS p JOIN pg_index AS i ON i.indrelid = p.inhrelid
      JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam WHERE p.inhparent = 'audit.event'::regclass AND a.amname = 'gin'`)
    const [row] = await ask<{ bytes: string }>(
      `SELECT sum(pg_total_relation_size(inhrelid))::text AS bytes FROM pg_inherits WHERE inhparent = 'audit.event'::regclass`,
    )
    return Number(row?.bytes)
  }

  /** One after the other, as a person asks; the first ones are for the caches. */
  async function timed(what: string, count: number, path: (i: number) => string): Promise<void> {
    // Access tokens do not live as long as this takes.
    const token = await login()
    const times: number[] = []
    for (let i = -Math.min(20, count); i < count; i++) {
      const from = performance.now()
      const answer = await fetch(`http://127.0.0.1:${port}${path(Math.abs(i))}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${what}: ${answer.status} ${text}`)
      if (i >= 0) times.push(performance.now() - from)
    }
    times.sort((a, b) => a - b)
    const share = (part: number): string =>
      (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(1).padStart(8)
    console.log(`${what.padEnd(36)} ${share(0.5)} ${share(0.95)} ${share(0.99)}`)
  }
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await close()
  await database.stop()
  rmSync(dataDir, { recursive: true, force: true })
}
