import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { sized } from '../../harness/size.ts'
import { another } from './another-process.ts'
import { chatChannel, listen, Page, type ServerEvent, until } from './chat.ts'

t.test('a page that listens at processes that come and go misses nothing and sees nothing twice', async (t) => {
  const rounds = sized(4, 25)
  const service = await startTestService(t, { worker: true, listen: true })
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  await page.open()
  await page.say('first', 'hello')
  await until('there is a conversation', async () => (await page.texts()).length === 1)
  const [conversation] = (await service.request('GET', '/v1/conversations')).data
  const seen: ServerEvent[] = []
  const sent: string[] = ['hello']
  const say = async (): Promise<void> => {
    const text = `answer ${sent.length}`
    const made = await service.request('POST', `/v1/conversations/${conversation?.id}/messages`, { body: { text } })
    if (made.status !== 201) throw new Error(made.text)
    sent.push(text)
  }
  for (let round = 0; round < rounds; round++) {
    const process = await another(service)
    t.teardown(process.stop)
    // The service itself in between, and the visitor writing meanwhile.
    const url = round % 3 === 2 ? service.url : process.url
    const lastEventId = seen.at(-1)?.id
    const stream = listen(url, page.base, { token: page.token, ...(lastEventId ? { lastEventId } : {}) })
    t.equal(await stream.status, 200)
    await Promise.all([say(), page.say(`m${round}`, `said ${round}`).then(() => sent.push(`said ${round}`)), say()])
    await until('something has come', () => stream.events.length > 0)
    // Answers are on their way when it ends.
    const saying = say()
    if (url === process.url) await process.stop()
    else stream.close()
    await stream.ended
    await saying
    seen.push(...stream.events)
    await process.stop()
  }
  const last = listen(service.url, page.base, { token: page.token, lastEventId: seen.at(-1)?.id ?? '' })
  t.teardown(() => last.close())
  await until('all have come', () => seen.length + last.events.length >= sent.length, 30_000)
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  const texts = [...seen, ...last.events].map((one) => String(one.data.text))
  t.strictSame(texts.toSorted(), sent.toSorted(), `${texts.length} messages over ${rounds} restarts, each once`)
  const inList = (await page.ask('GET', '/messages?limit=200')).data.map((one) => one.text)
  t.strictSame(inList.map(String).toSorted(), sent.toSorted())
})

t.test('nothing is lost between many who write at once to one conversation and one who listens', async (t) => {
  const count = sized(60, 600)
  const service = await startTestService(t, { worker: true, listen: true })
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  await page.open()
  await page.say('first', 'hello')
  await until('there is a conversation', async () => (await page.texts()).length === 1)
  const [conversation] = (await service.request('GET', '/v1/conversations')).data
  const second = await another(service)
  t.teardown(second.stop)
  const streams = [service.url, second.url].map((url) => listen(url, page.base, { token: page.token }))
  t.teardown(() => streams.map((stream) => stream.close()))
  const writers = Array.from({ length: count }, (_, i) => async () => {
    if (i % 2 === 0) return page.say(`m${i}`, `m${i}`)
    return service.request('POST', `/v1/conversations/${conversation?.id}/messages`, { body: { text: `a${i}` } })
  })
  for (let at = 0; at < writers.length; at += 12) {
    const answers = await Promise.all(writers.slice(at, at + 12).map((write) => write()))
    t.ok(answers.every((one) => [201, 202].includes(one.status)))
  }
  for (const stream of streams) {
    await until('all have come', () => stream.events.length >= count + 1, 60_000)
    const ids = stream.events.map((one) => String(one.data.id))
    t.equal(new Set(ids).size, count + 1)
    t.equal(ids.length, count + 1, 'each once')
  }
})

t.test('an edit, a message taken back and a message put into the trash are told; limits hold', async (t) => {
  const service = await startTestService(t, { listen: true, worker: true })
  const channelId = await chatChannel(service)
  const page = new Page(service.request, channelId)
  await page.open()
  await page.say('1', 'one')
  await page.say('2', 'two')
  await until('both are there', async () => (await page.texts()).length === 2)
  const cursor = (await page.messages()).string('nextCursor')
  const stream = listen(service.url, page.base, { token: page.token, lastEventId: cursor })
  t.teardown(() => stream.close())
  t.equal(await stream.status, 200)
  const change = async (set: string, text: string): Promise<void> => {
    const { db, tenantId } = service
    const principal = db.own('system', { tenantId, region: 'default' })
    const meta = { requestId: null, ip: null, purpose: null }
    const { sql } = await import('../../../src/db/sql.ts')
    await db.change({ principal, meta }, { action: 'update', resource: 'messages' }, async (tx) => {
      const rows = await tx.query<{ id: string }>(
        sql`UPDATE app.message SET ${sql.raw(set)}, version = version + 1 WHERE tenant_id = ${tenantId}::uuid AND text = ${text} RETURNING id`,
      )
      tx.touch({ resource: 'messages', ids: rows.map((row) => row.id), changed: ['text'] })
    })
  }
  await change(`text = 'uno', edited_at = now()`, 'one')
  await until('the edit came', () => stream.events.length === 1)
  t.match(stream.events[0], { event: 'edited', data: { text: 'uno', clientId: '1' } })
  await change('deleted_at = now()', 'two')
  await until('that it was taken back came', () => stream.events.length === 2)
  t.match(stream.events[1], { event: 'deleted', data: { text: '', clientId: '2' } })
  await change(`state = 'trashed', trashed_at = now()`, 'uno')
  await until('that it is gone came', () => stream.events.length === 3)
  t.match(stream.events[2], { event: 'deleted', data: { text: '' } })
  await change('updated_at = now()', 'uno')

  const more = Array.from({ length: 8 }, () => listen(service.url, page.base, { token: page.token }))
  t.teardown(() => more.map((one) => one.close()))
  const statuses = await Promise.all(more.map((one) => one.status))
  t.equal(statuses.filter((status) => status === 429).length, 3, 'six windows of one visitor at most')
  more[0]?.close()
  await until('its place is free', async () => {
    const next = listen(service.url, page.base, { token: page.token })
    t.teardown(() => next.close())
    return (await next.status) === 200
  })
  const bad = await page.ask('GET', '/events?after=nonsense')
  t.match([bad.status, bad.code], [400, 'invalid_cursor'])
  const made = await page.messages(Buffer.from(JSON.stringify({ [randomUUID()]: 5 })).toString('base64url'))
  t.equal(made.status, 200, 'a cursor of nothing is harmless')
  await service.request('PATCH', `/v1/channels/${channelId}`, {
    body: { settings: { signingSecret: 'another-signing-secret' } },
    headers: { 'if-match': '*' },
  })
  await stream.ended
  t.pass('a new signing secret ends the streams')
})
