import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { createHttpClient } from '../../src/channels/http-client.ts'
import type { Task } from '../../src/delivery/task.ts'
import { startWorker } from '../../src/delivery/worker.ts'
import { systemCaller } from '../../src/resources/tenants/create.ts'
import { serverUrl } from '../harness/database.ts'
import { startTestService, type TestService } from '../harness/service.ts'

t.test('a job that a change adds begins within milliseconds of its commit', async (t) => {
  const service = await startTestService(t)
  const begun: number[] = []
  const worker = work(t, service, { probe: async () => void begun.push(performance.now()) })
  await until(async () => (await service.sql(`SELECT FROM directory.worker`)).length > 0)
  const lags: number[] = []
  for (let i = 0; i < 20; i++) {
    await add(service, 'probe', `probe/${i}`)
    const committed = performance.now()
    await until(() => begun.length > i)
    lags.push((begun[i] ?? 0) - committed)
  }
  lags.sort((a, b) => a - b)
  t.comment(`median ${lags[10]?.toFixed(1)} ms`)
  t.ok((lags[10] ?? 1e9) < 100, 'the poll alone would take half a second')
  await worker.stop()
})

t.test('a job added while one of its key runs is not lost in it', async (t) => {
  const service = await startTestService(t)
  const begun: string[] = []
  let finish = (): void => {}
  const probe: Task = async (_context, { n }) => {
    begun.push(n ?? '')
    if (n === '1') await new Promise<void>((resolve) => (finish = resolve))
  }
  work(t, service, { probe }, 1)
  await add(service, 'probe', 'same', { n: '1' })
  await until(() => begun.length === 1)
  await add(service, 'probe', 'same', { n: '2' })
  await add(service, 'probe', 'same', { n: '3' })
  finish()
  await until(() => begun.length === 2)
  t.same(begun, ['1', '3'], 'two that wait are one')
})

t.test('a job whose change is rolled back never runs', async (t) => {
  const service = await startTestService(t)
  const begun: string[] = []
  work(t, service, { probe: async (_context, { n }) => void begun.push(n ?? '') })
  await t.rejects(
    service.db.change(
      systemCaller(service.db, tenantOf(service), null),
      { action: 'update', resource: 'tenants' },
      async (tx) => {
        await tx.enqueue('probe', 'undone', { n: 'undone' })
        throw new Error('no')
      },
    ),
  )
  await add(service, 'probe', 'done', { n: 'done' })
  await until(() => begun.length > 0)
  t.same(begun, ['done'])
})

t.test('a failed job is tried again and leaves no word of its error', async (t) => {
  const service = await startTestService(t)
  let runs = 0
  work(t, service, {
    probe: async () => {
      runs++
      throw new Error('Anna Müller could not be reached')
    },
  })
  await add(service, 'probe', 'fails')
  await until(
    async () => (await service.sql('SELECT FROM graphile_worker.jobs WHERE last_error IS NOT NULL')).length > 0,
  )
  const [job] = await service.sql<{ last_error: string; attempts: number; locked_at: null }>(
    'SELECT last_error, attempts, locked_at FROM graphile_worker.jobs',
  )
  t.same(job, { last_error: 'Error', attempts: 1, locked_at: null })
  t.notMatch(service.logs.join(''), 'Müller')
  await add(service, 'probe', 'fails')
  await until(() => runs === 2, 3000)
  t.pass('new work of the same key does not wait for the back-off')
})

t.test('stopping waits for the running job and takes no other', async (t) => {
  const service = await startTestService(t)
  const ended: string[] = []
  const worker = work(t, service, {
    probe: async (_context, { n }) => {
      await sleep(200)
      ended.push(n ?? '')
    },
  })
  for (let i = 0; i < 8; i++) await add(service, 'probe', `job/${i}`, { n: `${i}` })
  await until(
    async () => (await service.sql('SELECT FROM graphile_worker.jobs WHERE locked_at IS NOT NULL')).length > 0,
  )
  await worker.stop()
  const left = await service.sql('SELECT locked_at FROM graphile_worker.jobs')
  t.equal(ended.length + left.length, 8, 'each was done or waits')
  t.ok(left.length > 0)
  t.ok(left.every((job) => job.locked_at === null))
  t.same(await service.sql('SELECT FROM directory.worker'), [])
})

t.test('a database that goes and comes back: the worker goes on by itself, nothing stays locked', async (t) => {
  const service = await startTestService(t)
  const done = new Set<string>()
  work(t, service, {
    probe: async (_context, { n }) => {
      await sleep(20)
      done.add(n ?? '')
    },
  })
  for (let n = 0; n < 60; n++) await add(service, 'probe', `job/${n}`, { n: `${n}` })
  const server = new pg.Client({ connectionString: serverUrl() })
  await server.connect()
  t.teardown(() => server.end())
  const name = pg.escapeIdentifier(new URL(service.ownerUrl).pathname.slice(1))
  for (let i = 0; i < 3; i++) {
    await sleep(60)
    // As if it were restarted: what is connected is cut off, and for a while nobody gets in.
    await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, [name.slice(1, -1)])
    await sleep(300)
    await server.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
  }
  await until(async () => (await jobsLeft(service)) === 0, 30_000)
  t.equal(done.size, 60)
})

t.test('jobs of a live worker elsewhere stay its own, those of a silent one are released', async (t) => {
  const service = await startTestService(t)
  await service.sql(`INSERT INTO directory.worker (worker_id, place, process_number, process_id, seen_at) VALUES
    ('pool-alive', 'elsewhere', 1, gen_random_uuid(), now()), ('pool-dead', 'elsewhere', 2, gen_random_uuid(), now() - interval '5 minutes')`)
  for (const name of ['alive', 'dead', 'unheard']) await add(service, 'probe', name, { name })
  await service.sql(
    `UPDATE graphile_worker._private_jobs SET locked_at = now() - interval '1 minute', locked_by = 'pool-' || key`,
  )
  const begun: string[] = []
  work(t, service, { probe: async (_context, { name }) => void begun.push(name ?? '') })
  await until(() => begun.length === 2, 5000)
  await sleep(1500)
  t.same(begun.sort(), ['dead', 'unheard'])
})

t.test('the jobs of a process that was killed are done by the next one, at once and one time', async (t) => {
  const service = await startTestService(t)
  for (const n of ['1', '2']) await add(service, 'probe', n, { n })
  const child = fork(new URL('stuck-worker.ts', import.meta.url), [], {
    env: { ...process.env, OWNER_URL: service.ownerUrl, CONCURRENCY: '1' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [begunThere] = await once(child, 'message')
  const [locked] = await service.sql('SELECT locked_by FROM graphile_worker.jobs WHERE locked_at IS NOT NULL')
  t.ok(locked, 'the child holds its job')
  const begun: string[] = []
  const task: Task = async (_context, { n }, { attempts }) => void begun.push(`${n} ${attempts}`)
  const worker = work(t, service, { probe: task })
  await until(() => begun.length === 1)
  await sleep(1500)
  t.equal(begun.length, 1, 'as long as it lives, its job is its own')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const other = work(t, service, { probe: task })
  await until(() => begun.length === 2, 4000)
  await sleep(1500)
  t.same(begun.sort(), [`${begunThere === '1' ? '1 2' : '1 1'}`, `${begunThere === '2' ? '2 2' : '2 1'}`])
  t.same(await service.sql('SELECT FROM graphile_worker.jobs'), [])
  await Promise.all([worker.stop(), other.stop()])
})

const tenantOf = ({ tenantId }: TestService) => ({ tenantId, region: 'default' })

function work(
  t: { teardown(end: () => Promise<void>): unknown },
  service: TestService,
  tasks: Readonly<Record<string, Task>>,
  concurrency = 4,
) {
  const http = createHttpClient({ allowPrivate: true })
  const { db, config, ownerUrl } = service
  const worker = startWorker({ db, http, config, log: service.log, ownerUrl, concurrency, tasks })
  t.teardown(async () => {
    await worker.stop()
    await http.close()
  })
  return worker
}

async function add(
  service: TestService,
  task: string,
  key: string,
  payload: Record<string, string> = {},
): Promise<void> {
  await service.db.change(
    systemCaller(service.db, tenantOf(service), null),
    { action: 'update', resource: 'tenants' },
    async (tx) => {
      await tx.enqueue(task, key, payload)
      tx.touch({ resource: 'tenants', ids: [service.tenantId] })
    },
  )
}

/** Null while the database does not answer. */
async function jobsLeft(service: TestService): Promise<number | null> {
  return service.sql('SELECT FROM graphile_worker.jobs').then(
    (rows) => rows.length,
    () => null,
  )
}

async function until(holds: () => boolean | Promise<boolean>, withinMs = 5000): Promise<void> {
  const deadline = Date.now() + withinMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('waited in vain')
    await sleep(5)
  }
}
