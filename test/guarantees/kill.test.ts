/**
 * The service is killed with SIGKILL again and again under a load of every kind, and started again: nothing that a
 * client was told may be untrue afterwards. Three rounds, fifty with FULL=1 or as many as KILL_ROUNDS says.
 */
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type Promised, startClients } from './load/clients.ts'
import { eventually, Findings } from './load/findings.ts'
import { Provider } from './load/provider.ts'
import { ServiceProcess } from './load/service-process.ts'
import { setStage } from './load/stage.ts'

const isFull = process.env.FULL === '1'
const rounds = Number(process.env.KILL_ROUNDS ?? (isFull ? 50 : 3))
/** A message that was on its way at a kill is given up after its lease of a minute; those behind it wait so long. */
const leaseMs = 150_000
const customers = Array.from({ length: 8 }, (_, i) => `49170555${String(100 + i)}`)

t.setTimeout(isFull ? 3_600_000 : 300_000)

t.test('killed at any moment, the service keeps every word that it gave', { timeout: 3_600_000 }, async (t) => {
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
  const readyMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    await sleep(randomInt(200, 2_500))
    await service.kill()
    stage.ledger.away()
    readyMs.push(await service.start())
    stage.ledger.back()
  }
  await sleep(500)
  stage.ledger.isStopping = true
  await clients

  if (isFull) t.same(await eventually(() => findings.waiting(), leaseMs), [], 'everything comes to its end')

  const { answers, lost } = stage.ledger
  const accepted = [...promised.received.values()].reduce((sum, ids) => sum + ids.length, 0)
  const slowest = Math.round(Math.max(...readyMs))
  t.comment(
    `${rounds} kills: ${answers.length} answers, ${lost} lost, ${accepted} events accepted, ${promised.sent.size} answers sent; ready again within ${slowest} ms`,
  )
  t.ok(answers.length > rounds * 20 && accepted > rounds && promised.sent.size > 0, 'there was a load')
  t.same(stage.ledger.wrong, [], 'every answer is right or says "not now"')
  t.same(await findings.unaudited(answers), [], 'every answer has its audit event')
  t.same(
    await eventually(() => findings.intake(promised), 60_000),
    [],
    'every accepted event is processed exactly once, in order',
  )
  const outbox = (): Promise<string[]> => findings.outbox(promised, provider.delivered)
  t.same(await eventually(outbox, 30_000), [], 'no answer leaves twice, none is lost')
  t.same(await findings.writes(promised), [], 'what was acknowledged is there')
  t.ok(slowest < 20_000, 'ready again soon')
  t.equal(await service.stop(), 0, 'and it still stops as it should')
})
