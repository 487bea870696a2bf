import pg from 'pg'
import t from 'tap'
import { startTestService } from '../harness/service.ts'

t.test('a job that is added while a worker takes the one of its key is not lost', async (t) => {
  const service = await startTestService(t)
  const [adding, taking] = await Promise.all([connect(), connect()])
  await adding.query(`SELECT app.enqueue('probe', ARRAY['a', 'b', 'c'], ARRAY['{}', '{}', '{}']::jsonb[])`)
  // A worker has taken the job, and its transaction is not over: whoever adds one now does not see it yet.
  await taking.query('BEGIN')
  await taking.query(
    `UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'w', attempts = 1 WHERE key = 'b'`,
  )
  const added = adding.query(
    `SELECT app.enqueue('probe', ARRAY['a', 'b', 'd'], ARRAY['{}', '{"n": 2}', '{}']::jsonb[])`,
  )
  await waits()
  await taking.query('COMMIT')
  await added
  const jobs = await service.sql(`SELECT key, locked_by FROM graphile_worker._private_jobs ORDER BY key NULLS LAST`)
  t.same(jobs, [
    { key: 'a', locked_by: null },
    { key: 'b', locked_by: null },
    { key: 'c', locked_by: null },
    { key: 'd', locked_by: null },
    { key: null, locked_by: 'w' },
  ])

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: service.ownerUrl })
    await client.connect()
    t.teardown(() => client.end())
    return client
  }

  async function waits(): Promise<void> {
    for (;;) {
      const [row] = await service.sql<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      if (row?.n === 1) return
    }
  }
})
