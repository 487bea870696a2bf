import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startTestService } from '../harness/service.ts'
import { contact, define, memberWith } from '../resources/custom-fields/fixtures.ts'
import { type Ask, secondProcess } from './second-process.ts'

const secret = 'quokka'

t.test('a field that is deleted in one process is gone in the other, with all that was remembered of it', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const processes: readonly Ask[] = [request, await secondProcess(t, service)]
  const name = 'customFields.size'
  const field = await define(service, 'size')
  const ids = [
    await contact(service, 'Anna', { size: `${secret}-0` }),
    await contact(service, 'Anna', { size: `${secret}-1` }),
    await contact(service, 'Anna', { size: `${secret}-2` }),
  ]
  const fields = { read: ['displayName', name], write: ['displayName', name] }
  const token = await memberWith(service, { actions: ['read', 'create', 'update'], fields })
  const repeated = {
    token,
    headers: { 'idempotency-key': randomUUID() },
    body: { displayName: 'Bea', customFields: { size: `${secret}-made` } },
  }
  t.match((await request('POST', '/v1/contacts', repeated)).text, secret)
  const cursors: string[] = []
  const asked = (ask: Ask, cursor = '') => [
    ask('GET', `/v1/contacts?sort=${name}&limit=1${cursor && `&cursor=${cursor}`}`, { token }),
    ask('GET', `/v1/contacts?${name}=${secret}-0`, { token }),
    ask('POST', '/v1/contacts/search', { token, body: { where: { exists: [name, true] } } }),
    ask('POST', '/v1/contacts/search', { token, body: { sort: `-${name}` } }),
    ask('GET', `/v1/contacts?q=${secret}`, { token }),
    ask('GET', '/v1/contacts', { token }),
    ask('GET', `/v1/contacts/${ids[0]}`, { token }),
    ask('POST', '/v1/contacts', repeated),
    ask('PATCH', `/v1/contacts/${ids[1]}`, { token, body: { displayName: 'Anna' } }),
    ask('PATCH', `/v1/contacts/${ids[1]}`, { token, body: { customFields: { size: `${secret}-1` } } }),
  ]
  for (const ask of processes) {
    const answers = await Promise.all(asked(ask))
    cursors.push(answers[0]?.string('nextCursor') ?? '')
    t.equal(answers.filter(({ text }) => text.includes(secret)).length >= 8, true, 'it is seen')
  }
  const gone = async (what: string): Promise<void> => {
    for (const [i, ask] of processes.entries()) {
      const answers = await Promise.all(asked(ask, cursors[i]))
      t.same(
        answers.map(({ status }) => status),
        [400, 400, 400, 400, 200, 200, 200, 201, 200, 400],
        `${what}, in process ${i}`,
      )
      for (const { text } of answers) t.notMatch(text, secret)
    }
  }
  t.equal((await request('DELETE', `/v1/custom-fields/${field}`)).status, 204)
  await gone('deleted')
  const again = await define(service, 'size')
  await gone('made anew')
  for (const id of ids)
    await request('PATCH', `/v1/contacts/${id}`, { body: { customFields: { size: `${secret}-new` } } })
  await gone('filled anew')
  t.equal((await request('DELETE', `/v1/custom-fields/${again}`)).status, 204)
  t.equal((await request('POST', `/v1/custom-fields/${field}/restore`)).status, 200)
  await gone('brought back')
  for (const ask of processes)
    t.match(
      (await ask('GET', `/v1/contacts/${ids[0]}`)).body,
      { customFields: { size: `${secret}-0` } },
      'its owner sees it',
    )
})

t.test(
  'a field that becomes personal is hidden at the next request from whom only its openness let see it',
  async (t) => {
    const service = await startTestService(t)
    const { request } = service
    const processes: readonly Ask[] = [request, await secondProcess(t, service)]
    const field = await define(service, 'size', { classification: 'general' })
    const id = await contact(service, 'Anna', { size: secret })
    const token = await memberWith(service, { fields: { read: ['displayName', 'customFields'] } })
    const told = () =>
      Promise.all(processes.map(async (ask) => (await ask('GET', `/v1/contacts/${id}`, { token })).text))
    for (const text of await told()) t.match(text, secret)
    for (const classification of ['personal', 'general', 'sensitive']) {
      const { headers } = await request('GET', `/v1/custom-fields/${field}`)
      const change = { body: { classification }, headers: { 'if-match': String(headers.etag) } }
      t.equal((await request('PATCH', `/v1/custom-fields/${field}`, change)).status, 200)
      for (const text of await told()) t.equal(text.includes(secret), classification === 'general', classification)
    }
  },
)
