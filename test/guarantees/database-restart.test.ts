/**
 * PostgreSQL goes away under a load of every kind, with and without a goodbye, and comes back: meanwhile the service
 * says "not now", says nothing wrong, hangs nobody up, and afterwards goes on by itself. Two rounds, ten with FULL=1.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Promised, startClients } from './load/clients.ts'
import { Cluster } from './load/cluster.ts'
import { eventually, Findings } from './load/findings.ts'
import { Provider } from './load/provider.ts'
import { ServiceProcess } from './load/service-process.ts'
import { setStage } from './load/stage.ts'

const isFull = process.env.FULL === '1'
const rounds = isFull ? 10 : 2
/** A message that was taken for sending in the very moment when the database went is given up after its lease. */
const leaseMs = 150_000
const customers = Array.from({ length: 6 }, (_, i) => `49170666${String(100 + i)}`)

t.setTimeout(isFull ? 900_000 : 300_000)

t.test('while the database is away nothing but 503 is answered, and it goes on by itself', async (t) => {
  const provider = await Provider.start(60)
  t.teardown(() => provider.end())
  const service = await ServiceProcess.create()
  t.teardown(() => service.end())
  const findings = new Findings(service.database.url)
  t.teardown(() => findings.end())

  await service.start()
  const stage = await setStage(service, provider, customers)
  const promised: Promised = { received: new Map(), sent: new Map(), created: new Set(), patched: new Map() }
  const clients = startClients(stage, promised, customers)
  const cluster = new Cluster(service.dataDir)
  t.teardown(() => cluster.end())
  const recoveredMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    await sleep(randomInt(500, 1_500))
    await cluster.stop(round % 2 === 0 ? 'immediate' : 'fast')
    const until = Date.now() + randomInt(300, 3_000)
    do {
      t.equal(await service.readiness(), 503, 'not ready while the database is away')
      await sleep(200)
    } while (Date.now() < until)
    cluster.start()
    const begun = performance.now()
    while ((await service.readiness()) !== 200 && performance.now() - begun < 60_000) await sleep(50)
    recoveredMs.push(performance.now() - begun)
  }
  await sleep(1_000)
  stage.ledger.isStopping = true
  await clients
  if (isFull) t.same(await eventually(() => findings.waiting(), leaseMs), [], 'everything comes to its end')

  const { answers, lost } = stage.ledger
  const away = answers.filter(({ status }) => status === 503)
  const slowestMs = Math.round(Math.max(...answers.map(({ tookMs }) => tookMs)))
  const recovered = Math.round(Math.max(...recoveredMs))
  t.comment(
    `${rounds} restarts: ${answers.length} answers, ${away.length} of them 503, the slowest after ${slowestMs} ms; ready ${recovered} ms after the database was started`,
  )
  t.ok(away.length > 0 && answers.length > away.length, 'there was a load, before, meanwhile and after')
  t.equal(lost, 0, 'every request is answered')
  t.same(stage.ledger.wrong, [], 'every answer is right or says "not now"')
  t.same(
    away.filter(({ body }) => !/"code":"unavailable"/.test(body)).map(({ body }) => body),
    [],
    'as a problem',
  )
  t.ok(slowestMs < 12_000, 'nobody hangs')
  t.ok(recovered < 20_000, 'ready again by itself')
  t.same(await findings.unaudited(answers), [], 'every answer has its audit event')
  t.same(
    await eventually(() => findings.intake(promised), 60_000),
    [],
    'every accepted event is processed exactly once, in order',
  )
  const outbox = (): Promise<string[]> => findings.outbox(promised, provider.delivered)
  t.same(await eventually(outbox, 45_000), [], 'no answer leaves twice, none is lost')
  t.same(await findings.writes(promised), [], 'what was acknowledged is there')
  t.equal(await service.stop(), 0, 'and it still stops as it should')
})
