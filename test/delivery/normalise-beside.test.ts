import t from 'tap'
import { normaliser, type Patience } from '../../src/delivery/normalise.ts'
import { hasty, type Lanes, said, startLanes, texts } from './lanes.ts'

/** Drains all lanes as a worker does that works on four at once. */
async function work({ context, service, waiting }: Lanes, patience: Patience): Promise<void> {
  const task = normaliser(patience)
  for (let round = 0; round < 20; round++) {
    const lanes = await waiting()
    if (lanes.length === 0) return
    const drainer = async (): Promise<void> => {
      for (let lane = lanes.shift(); lane; lane = lanes.shift())
        await task(
          context,
          { tenantId: service.tenantId, region: 'default', ...lane },
          { attempts: 1, maxAttempts: 25 },
        )
    }
    await Promise.all([drainer(), drainer(), drainer(), drainer()])
  }
}

const from = (who: number) => ({ from: { value: `person-${who}` } })
const batches = async ({ service }: Lanes): Promise<number> => {
  const [row] = await service.sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM audit.readable_event WHERE actor_kind = 'system' AND action = 'import' AND resource = 'inbound-events'`,
  )
  return row?.n ?? 0
}

t.test('lanes that wait together are dealt with together, each in its own order', async (t) => {
  const lanes = await startLanes(t)
  const { send } = await lanes.connector()
  const people = 40
  for (let i = 0; i < 3; i++) await send(...Array.from({ length: people }, (_, who) => said(`${who}: ${i}`, from(who))))
  await work(lanes, hasty)
  t.ok((await batches(lanes)) < people / 2, `${await batches(lanes)} transactions for ${people} lanes`)
  const said3 = await lanes.service.sql<{ texts: string[] }>(
    `SELECT array_agg(text ORDER BY occurred_at, id) AS texts FROM app.message GROUP BY conversation_id`,
  )
  t.equal(said3.length, people, 'one conversation each')
  for (const { texts } of said3) {
    const who = texts[0]?.split(':')[0]
    t.same(texts, [`${who}: 0`, `${who}: 1`, `${who}: 2`])
  }
})

t.test('an event that fails takes down none of the other lanes', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const { send } = await lanes.connector()
  await service.sql(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.text = 'poison' THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEW; END $$`)
  await service.sql('CREATE TRIGGER poison BEFORE INSERT ON app.message FOR EACH ROW EXECUTE FUNCTION poison()')
  await send(...Array.from({ length: 40 }, (_, who) => said(who === 20 ? 'poison' : `text ${who}`, from(who))))
  await work(lanes, hasty)
  const found = await service.sql(
    'SELECT status, count(*)::int AS n FROM app.inbound_event GROUP BY status ORDER BY status',
  )
  t.same(found, [
    { status: 'failed', n: 1 },
    { status: 'processed', n: 39 },
  ])
  t.equal((await texts(service)).length, 39)
})

t.test('what waits for its message in another lane is looked at again in its own time', async (t) => {
  const lanes = await startLanes(t)
  const { service } = lanes
  const { send } = await lanes.connector()
  const early = (who: number) => ({
    id: `reaction-${who}`,
    type: 'reaction',
    occurredAt: '2026-03-04T05:06:08Z',
    ...from(who),
    message: { externalId: `later-${who}`, emoji: '🌷' },
  })
  await send(...Array.from({ length: 20 }, (_, who) => (who % 2 === 0 ? early(who) : said(`text ${who}`, from(who)))))
  await work(lanes, { ...hasty, waitingDelaysMs: [60_000] })
  const stored = await service.sql<{ lane: string }>(
    `SELECT encode(lane, 'hex') AS lane FROM app.inbound_event WHERE status = 'stored' AND reason = 'unknown_message'`,
  )
  const timers = await service.sql<{ key: string }>(
    `SELECT key FROM graphile_worker.jobs WHERE run_at > now() + interval '30 seconds' AND key LIKE 'normalise/%'`,
  )
  t.ok(stored.length > 0)
  for (const { lane } of stored)
    t.ok(
      timers.some(({ key }) => key.includes(lane)),
      lane,
    )
})
