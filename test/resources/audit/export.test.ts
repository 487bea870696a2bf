import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type SealedService, startSealedService } from './sealed-service.ts'

/** The lines of an export that are events. */
const eventsIn = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line))
    .filter((line) => 'leafIndex' in line)

const leafIn = (line: Record<string, unknown>): Record<string, unknown> => JSON.parse(String(line.leaf))

/** Makes events by the hundred without asking for each: lists of nothing. */
async function traffic(service: SealedService, count: number): Promise<void> {
  for (let done = 0; done < count; done += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, count - done) }, () => service.request('GET', '/v1/tags?limit=1')),
    )
}

t.test('the whole log is exported, proven and complete', async (t) => {
  const service = await startSealedService(t)
  const { request } = service
  t.match(await request('GET', '/v1/audit-events/export'), { status: 409 }, 'nothing is sealed yet')
  const anna = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  const bea = await request('POST', '/v1/contacts', { body: { displayName: 'Bea' } })
  await request('GET', `/v1/contacts/${anna.id}`, { headers: { 'custodia-purpose': 'support' } })
  await traffic(service, 1100)
  const middle = new Date().toISOString()
  await request('PATCH', `/v1/contacts/${bea.id}`, { body: { company: 'Quokka' } })
  await service.seal()
  const vkey = await service.vkey()
  const verify = (text: string, ...more: string[]) =>
    service.verify(['export', 'export.ndjson', '--key', vkey, ...more], { 'export.ndjson': text })

  const whole = await request('GET', '/v1/audit-events/export')
  t.equal(whole.status, 200)
  t.match(whole.headers, {
    'content-type': 'application/x-ndjson',
    'content-disposition': 'attachment; filename="audit-events.ndjson"',
  })
  const events = eventsIn(whole.text)
  t.ok(events.length > 1100)
  t.match(verify(whole.text, '--complete'), { status: 0, said: `OK: ${events.length} events, leaves 0 to` })
  t.equal((await request('HEAD', '/v1/audit-events/export')).status, 200)

  await t.test('each batch is on record with the ids of its events', async (t) => {
    const { data } = await request('GET', `/v1/audit-events?requestId=${whole.headers['request-id']}`)
    t.equal(data.length, 3, 'three batches of up to 500')
    const touched = data.flatMap((one) => (one.touched as { ids: string[] }[]).flatMap((part) => part.ids))
    t.same(new Set(touched), new Set(events.map((line) => leafIn(line).id)))
    t.ok(data.every((one) => one.action === 'export' && one.resource === 'audit-events'))
  })

  await t.test('or what was asked for of it', async (t) => {
    const some = async (query: string) => {
      const answer = await request('GET', `/v1/audit-events/export?${query}`)
      t.match(verify(answer.text), { status: 0 }, query)
      return eventsIn(answer.text).map(leafIn)
    }
    t.same(
      (await some(`recordId=${anna.id}`)).map((event) => [event.action, event.purpose]),
      [
        ['create', undefined],
        ['read', 'support'],
      ],
      'in the order in which it happened',
    )
    t.same(
      (await some(`subjectId=${bea.id}`)).map((event) => event.action),
      ['create', 'update'],
    )
    t.same(
      (await some(`actorId=${service.ownerId}&action=update`)).map((event) => event.resource),
      ['contacts'],
    )
    t.same(
      (await some(`from=${middle}&resource=contacts`)).map((event) => event.action),
      ['update'],
    )
    t.same((await some(`to=${middle}&resource=contacts`)).length, 3)
    t.equal((await some('from=2020-01-01T00:00:00%2B23:59&to=2020-01-01T01:00:00-23:59')).length, 0, 'any offset')
    t.equal((await some('outcome=denied')).length, 0)
    t.equal((await some('resource=tags')).length, 1100)
    const scattered = await request('GET', '/v1/audit-events/export?resource=contacts')
    t.match(verify(scattered.text, '--complete'), { status: 1, said: /not complete/ })
  })

  await t.test('what cannot be asked is refused before anything is answered', async (t) => {
    for (const query of ['limit=5', 'cursor=x', 'sort=id', 'colour=red', 'recordId=7', 'from=yesterday'])
      t.match(await request('GET', `/v1/audit-events/export?${query}`), { status: 400 }, query)
    for (const name of ['agent', 'manager', 'connector'])
      t.equal(
        (await request('GET', '/v1/audit-events/export', { token: (await service.member(name)).token })).status,
        403,
        name,
      )
  })

  await t.test('no line of it can be changed, taken out or put in unseen', async (t) => {
    const lines = whole.text.trimEnd().split('\n')
    const joined = (changed: readonly string[]) => changed.map((line) => `${line}\n`).join('')
    t.match(verify(joined(lines.toSpliced(700, 1))), { status: 1, said: /^FALSE: line 701: .* missing/ })
    t.match(verify(joined(lines.with(700, lines[700]?.replace('allowed', 'refused') ?? ''))), {
      status: 1,
      said: /^FALSE: lines \d+ to \d+: one/,
    })
    t.match(verify(joined(lines.slice(0, 700))), { status: 1, said: /cut off after line 700/ })
    const other = new TextDecoder().decode(Buffer.from(whole.text).fill('0', 200, 204))
    t.match(verify(other), { status: 1 })
  })
})

t.test('whoever sees a part exports that part, and of the rest the hashes', async (t) => {
  const service = await startSealedService(t)
  const { request } = service
  const contact = await request('POST', '/v1/contacts', { body: { displayName: 'Anna' } })
  await request('GET', `/v1/contacts/${contact.id}`)
  await service.seal()
  const vkey = await service.vkey()
  const role = await service.role([
    { resource: 'audit-events', actions: ['read', 'export'], fields: { read: ['action', 'resource', 'occurredAt'] } },
  ])
  const answer = await request('GET', '/v1/audit-events/export', { token: (await service.member(role)).token })
  const events = eventsIn(answer.text)
  t.ok(events.length > 2)
  t.ok(events.every((line) => !('leaf' in line)))
  t.same([...new Set(events.flatMap((line) => Object.keys(line.event ?? {})))].sort(), [
    'action',
    'id',
    'occurredAt',
    'resource',
  ])
  const said = service.verify(['export', 'export.ndjson', '--key', vkey], { 'export.ndjson': answer.text })
  t.match(said, { status: 0, said: /only the hash was given/ })
  t.notMatch(answer.text, contact.id)

  const reads = await service.role([
    { resource: 'audit-events', actions: ['read'], fields: { read: ['*'] } },
    { resource: 'audit-events', actions: ['export'], when: { eq: ['action', 'create'] } },
  ])
  const some = await request('GET', '/v1/audit-events/export', { token: (await service.member(reads)).token })
  t.same([...new Set(eventsIn(some.text).map((line) => leafIn(line).action))], ['create'], 'both rights are needed')
})

/** Opens an export and reads no more of it than is asked for. */
async function open(service: SealedService, token: string): Promise<IncomingMessage> {
  const asking = httpRequest(`${service.url}/v1/audit-events/export`, { headers: { authorization: `Bearer ${token}` } })
  asking.end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  return answer
}

t.test('a stream stops when its reader goes away or loses the right, and says so', async (t) => {
  const service = await startSealedService(t, { listen: true })
  const { request } = service
  // More than the buffers of the sockets hold.
  await service.sql(
    `INSERT INTO audit.event (tenant_id, event_id, actor_kind, action, resource, shape_id, ids, row_count, outcome, purpose)
     SELECT tenant_id, gen_random_uuid(), actor_kind, action, resource, shape_id, ids, row_count, outcome, repeat('x', 60)
       FROM (SELECT * FROM audit.event LIMIT 1) AS e, generate_series(1, 40000)`,
  )
  await service.seal()
  const vkey = await service.vkey()
  const batches = async () =>
    Number((await service.sql(`SELECT count(*) AS n FROM audit.event WHERE action = 'export'`))[0]?.n)

  const gone = await open(service, service.ownerToken)
  await once(gone, 'readable')
  // Until the sockets are full.
  let held = -1
  for (let now = await batches(); now !== held; now = await batches()) {
    held = now
    await sleep(1000)
  }
  t.ok(held < 60, `a reader that does not read is not read for: ${held} of 81 batches`)
  gone.destroy()
  await sleep(1000)
  t.ok((await batches()) - held <= 1, 'and when it is gone nothing more is')

  const { token, id } = await service.member('owner')
  const stream = await open(service, token)
  stream.setEncoding('utf8')
  let text = ''
  stream.on('data', (piece: string) => {
    text += piece
  })
  stream.pause()
  await sleep(300)
  const roleId = (await request('GET', '/v1/roles?name=agent')).data[0]?.id
  t.equal((await request('PATCH', `/v1/members/${id}`, { body: { roleIds: [roleId] } })).status, 200)
  stream.resume()
  await once(stream, 'end')
  t.match(text.trimEnd().split('\n').at(-1), /^\{"interrupted":"forbidden"\}$/)
  const said = service.verify(['export', 'export.ndjson', '--key', vkey], { 'export.ndjson': text })
  t.match(said, { status: 1, said: /broken off \(forbidden\); \d+ events before are proven/ })
  const denied = await request('GET', `/v1/audit-events?actorId=${id}&outcome=denied`)
  t.match(denied.data, [{ action: 'export', code: 'forbidden' }])
})
