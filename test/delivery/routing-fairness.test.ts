import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { sized } from '../harness/size.ts'
import { done, until } from '../resources/conversations/fixtures.ts'
import { said, startLanes } from './lanes.ts'

const project = join(import.meta.dirname, '../..')
/** divisible by either team */
const total = sized(60, 600, 30)

t.test('turns are fair, whoever shares them out: two processes, eight channels at a time', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const { config } = service
  const channels = await Promise.all(Array.from({ length: 8 }, () => lanes.connector()))
  const teams = await Promise.all(
    ['One', 'Two'].map(async (name) => (await done(service, 'POST', '/v1/teams', { name })).id),
  )
  const members = await Promise.all(
    teams.map((teamId, i) =>
      Promise.all(Array.from({ length: i === 0 ? 5 : 3 }, () => service.member('agent', { teamIds: [teamId] }))),
    ),
  )
  for (const [i, teamId] of teams.entries())
    await done(service, 'POST', '/v1/routing-rules', {
      name: `Team ${i}`,
      position: i,
      event: 'conversation_created',
      channelIds: channels.filter((_, at) => at % 2 === i).map(({ id }) => id),
      actions: [{ assign: { strategy: i === 0 ? 'round_robin' : 'least_open', teamId } }],
    })
  await Promise.all(
    channels.map(async (channel, at) => {
      for (let i = at; i < total * 2; i += 8)
        await channel.send(said('hello', { from: { value: `${at}-${i}-${randomUUID()}` } }))
    }),
  )
  for (let i = 0; i < 2; i++) {
    const env = {
      DATABASE_URL: config.databaseUrl,
      MASTER_KEY: config.masterKey,
      DATA_DIR: config.dataDir,
      PORT: '0',
      LOG_LEVEL: 'error',
      LOG_PRETTY: 'false',
    }
    const child = spawn(process.execPath, ['src/main.ts'], {
      cwd: project,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    t.teardown(async () => {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    })
  }
  await until(async () => (await lanes.waiting()).length === 0, 120_000)
  const counts = await service.sql<{ assignee_id: string | null; n: number }>(
    'SELECT assignee_id, count(*)::int AS n FROM app.conversation GROUP BY 1',
  )
  for (const [i, team] of members.entries()) {
    const own = team.map(({ id }) => counts.find((one) => one.assignee_id === id)?.n ?? 0)
    t.equal(
      own.reduce((sum, n) => sum + n, 0),
      total,
      `team ${i} got all of its own`,
    )
    t.same(
      own,
      own.map(() => total / team.length),
      `everybody in team ${i} got as much as the others`,
    )
  }
  t.equal(counts.length, 8, 'nothing is nobody’s')
  const set = await service.sql<{ reason: string }>(
    `SELECT reason FROM app.inbound_event WHERE status <> 'processed' OR attempts > 1`,
  )
  t.same(set, [], 'nobody ever waited for each other in a circle')
})
