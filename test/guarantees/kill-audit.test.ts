/**
 * Service, sealer and PostgreSQL are killed again and again under a load of every kind, in turn and together. After each
 * time every answer that was given has its audit event and every change that was acknowledged is there; in the end every
 * event is sealed once and the whole tree verifies. Five rounds, each another way, 200 with FULL=1 or as many as KILL_ROUNDS says.
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
const rounds = Number(process.env.KILL_ROUNDS ?? (isFull ? 200 : 5))
const customers = Array.from({ length: 4 }, (_, i) => `49170777${String(100 + i)}`)

t.setTimeout(isFull ? 7_200_000 : 600_000)

t.test(
  'killed at any moment, no answer is without its event, and every event is sealed',
  { timeout: 7_200_000 },
  async (t) => {
    const provider = await Provider.start(60)
    t.teardown(() => provider.end())
    const service = await ServiceProcess.create()
    t.teardown(() => service.end())
    const findings = new Findings(service.database.url)
    t.teardown(() => findings.end())
    await service.start()
    const stage = await setStage(service, provider, customers)
    const { ledger } = stage
    const cluster = new Cluster(service.dataDir)
    t.teardown(() => cluster.end())
    const promised: Promised = { received: new Map(), sent: new Map(), created: new Set(), patched: new Map() }
    const clients = startClients(stage, promised, customers)

    const ready = async (): Promise<void> => {
      for (const until = Date.now() + 60_000; (await service.readiness()) !== 200; await sleep(50))
        if (Date.now() > until) throw new Error(`the service does not come back: ${service.said}`)
    }
    const killService = async (): Promise<void> => {
      await service.kill()
      ledger.away()
    }
    const startService = async (): Promise<void> => {
      await service.start()
      ledger.back()
    }
    const ways: Record<string, () => Promise<void>> = {
      'the service, with its sealer': async () => {
        await killService()
        await startService()
      },
      'PostgreSQL, immediate shutdown': async () => {
        await cluster.stop('immediate')
        await sleep(randomInt(300))
        cluster.start()
      },
      'PostgreSQL, every process of it': async () => {
        await cluster.kill()
        await sleep(randomInt(300))
        cluster.start()
      },
      'one connection’s process': async () => {
        const pid = await findings.busyBackend()
        if (pid !== null) process.kill(pid, 'SIGKILL')
        await sleep(100)
      },
      'all at once': async () => {
        await Promise.all([killService(), cluster.kill()])
        cluster.start()
        await answering(findings)
        await startService()
      },
    }
    const faults: string[] = []
    const counts = new Map<string, number>()
    let checked = 0
    for (let round = 0; round < rounds; round++) {
      await sleep(randomInt(100, 1_200))
      const names = Object.keys(ways)
      const name = names[round % names.length] ?? ''
      await ways[name]?.()
      counts.set(name, (counts.get(name) ?? 0) + 1)
      await ready()
      await answering(findings)
      // What was answered up to now; the load goes on.
      const answers = ledger.answers.slice(checked)
      checked += answers.length
      const known: Promised = {
        ...promised,
        created: new Set(promised.created),
        patched: new Map(
          [...promised.patched].map(([id, { acknowledged }]) => [
            id,
            { acknowledged, tried: Number.POSITIVE_INFINITY },
          ]),
        ),
      }
      for (const fault of [...(await findings.unaudited(answers)), ...(await findings.writes(known))])
        faults.push(`round ${round}, ${name}: ${fault}`)
      if (round % 10 === 9) t.comment(`${round + 1} rounds, ${checked} answers, ${faults.length} faults`)
    }
    ledger.isStopping = true
    await clients

    const { answers, lost } = ledger
    t.same(faults, [], 'after each kill every answer has its event, and every change that was answered is there')
    t.ok(answers.length > rounds * 10, 'there was a load')
    t.same(ledger.wrong, [], 'every answer is right or says "not now"')
    t.same(await findings.unaudited(answers), [], 'every answer has its audit event')
    t.same(await findings.writes(promised), [], 'what was acknowledged is there')
    t.same(
      await eventually(() => findings.intake(promised), 90_000),
      [],
      'every accepted event is processed once, in order',
    )
    t.same(await eventually(() => findings.unsealed(), 90_000), [], 'every event is sealed, once, in order')
    const verified = await service.script('audit-verify.ts')
    t.equal(verified.code, 0, `everything verifies, inside and outside: ${verified.said}`)
    const { events, checkpoints } = await findings.sealed()
    t.comment(
      `${rounds} kills (${[...counts].map(([name, n]) => `${n} × ${name}`).join(', ')}): ${answers.length} answers, ${answers.filter(({ status }) => status === 503).length} of them 503, ${lost} lost; ${events} events, ${checkpoints} checkpoints`,
    )
    t.equal(await service.stop(), 0, 'and it still stops as it should')
  },
)

/** Waits until PostgreSQL has recovered. */
async function answering(findings: Findings): Promise<void> {
  for (const until = Date.now() + 60_000; ; await sleep(50)) {
    try {
      await findings.sealed()
      return
    } catch (error) {
      if (Date.now() > until) throw error
    }
  }
}
