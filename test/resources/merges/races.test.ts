import t from 'tap'
import { said, startLanes } from '../../delivery/lanes.ts'
import { secondProcess } from '../../guarantees/second-process.ts'
import { startTestService } from '../../harness/service.ts'
import { sized } from '../../harness/size.ts'
import { done } from '../conversations/fixtures.ts'

t.setTimeout(300_000)

t.test('merges in a circle at once end with one contact that stands for all, and none that is lost', async (t) => {
  const service = await startTestService(t)
  const ask = await secondProcess(t, service)
  for (let round = 0; round < sized(6, 60, 1); round++) {
    const ids: string[] = []
    for (const name of ['A', 'B', 'C'])
      ids.push((await done(service, 'POST', '/v1/contacts', { displayName: `${name}${round}`, tags: [name] })).id)
    const [a = '', b = '', c = ''] = ids
    const orders = [
      [a, b],
      [b, c],
      [c, a],
    ] as const
    const answers = await Promise.all(
      orders.map(([into, other], i) =>
        (i % 2 === 0 ? service.request : ask)('POST', `/v1/contacts/${into}/merge`, { body: { mergeId: other } }),
      ),
    )
    const codes = answers.map((answer) => answer.status)
    t.ok(
      codes.every((code) => code === 200 || code === 410),
      `${codes}`,
    )
    const rows = await service.sql<{ id: string; state: string; into: string | null }>(
      'SELECT id, state, merged_into_id AS into FROM app.contact WHERE id = ANY ($1)',
      [ids],
    )
    const roots = rows.filter((row) => row.state === 'active')
    t.equal(codes.filter((code) => code === 200).length, 3 - roots.length, 'as many as succeeded are merged')
    t.ok(roots.length >= 1, 'no circle')
    for (const row of rows) {
      let at = row
      for (let steps = 0; at.into !== null && steps < 5; steps++) at = rows.find((one) => one.id === at.into) ?? at
      t.equal(at.state, 'active', 'each leads to one that is there')
    }
  }
})

t.test('the same merge ten times at once is done once', async (t) => {
  const service = await startTestService(t)
  const ask = await secondProcess(t, service)
  const [a, b] = [
    (await done(service, 'POST', '/v1/contacts', { displayName: 'A' })).id,
    (await done(service, 'POST', '/v1/contacts', { displayName: 'B' })).id,
  ]
  const all = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      (i % 2 === 0 ? service.request : ask)('POST', `/v1/contacts/${a}/merge`, { body: { mergeId: b } }),
    ),
  )
  t.same(all.map((one) => one.status).sort(), [200, ...Array.from({ length: 9 }, () => 410)])
  const parted = await Promise.all(
    Array.from({ length: 6 }, () => service.request('POST', `/v1/contacts/${a}/unmerge`, { body: { mergeId: b } })),
  )
  t.equal(parted.filter((one) => one.status === 200).length, 1)
  t.ok(
    parted.every((one) => [200, 409, 422].includes(one.status)),
    `${parted.map((one) => one.status)}`,
  )
})

t.test('what comes in while contacts are merged and parted is lost to nobody', async (t) => {
  const lanes = await startLanes(t)
  const { service, connector, drain } = lanes
  const channel = await connector()
  await channel.send(said('first', { from: { value: 'anna' } }), said('first', { from: { value: 'ann' } }))
  await drain()
  const [one, two] = (await service.request('GET', '/v1/contacts')).data.map((row) => row.id)
  const conversations = (await service.request('GET', '/v1/conversations')).data.map((row) => row.id)
  const rounds = sized(8, 60, 1)
  let noted = 0
  for (let round = 0; round < rounds; round++) {
    await channel.send(said(`${round}`, { from: { value: 'anna' } }), said(`${round}`, { from: { value: 'ann' } }))
    const waiting = await lanes.waiting()
    const change =
      round % 2 === 0
        ? service.request('POST', `/v1/contacts/${one}/merge`, { body: { mergeId: two } })
        : service.request('POST', `/v1/contacts/${one}/unmerge`, { body: { mergeId: two } })
    const notes = conversations.map((id) =>
      service.request('POST', `/v1/conversations/${id}/notes`, { body: { text: 'meanwhile' } }),
    )
    const [answer, made] = await Promise.all([change, Promise.all(notes), ...waiting.map((lane) => lanes.run(lane))])
    t.equal(answer.status, 200, answer.text)
    t.ok(
      made.every((note) => [201, 503].includes(note.status)),
      `${made.map((note) => note.text)}`,
    )
    noted += made.filter((note) => note.status === 201).length
    await drain()
  }
  const { sql } = service
  t.same(await sql(`SELECT count(*)::int AS n FROM app.inbound_event WHERE status <> 'processed'`), [{ n: 0 }])
  t.same(await sql('SELECT count(*)::int AS n FROM app.message'), [{ n: 2 * (rounds + 1) }])
  t.same(await sql('SELECT count(*)::int AS n FROM app.note'), [{ n: noted }])
  t.same(
    await sql(`SELECT 'merged' FROM app.message m JOIN app.contact c ON c.id = m.contact_id WHERE c.state <> 'active'
      UNION ALL SELECT 'merged' FROM app.note n JOIN app.contact c ON c.id = n.contact_id WHERE c.state <> 'active'
      UNION ALL SELECT 'elsewhere' FROM app.message m JOIN app.conversation c ON c.id = m.conversation_id WHERE c.contact_id <> m.contact_id
      UNION ALL SELECT 'elsewhere' FROM app.note n JOIN app.conversation c ON c.id = n.conversation_id WHERE c.contact_id <> n.contact_id`),
    [],
  )
})
