import t from 'tap'
import { message, signed } from '../channels/line/fixtures.ts'
import { json } from '../channels/local-server.ts'
import { startTestService } from '../harness/service.ts'
import { done, until } from '../resources/conversations/fixtures.ts'
import { provider } from './outbox.ts'

const service = await startTestService(t, { worker: true })
const profiles: Record<string, unknown> = {}
const line = await provider(t, (seen, response) => {
  const [, user = ''] = /^\/v2\/bot\/profile\/(\w+)$/.exec(seen.path) ?? []
  const profile = profiles[user]
  if (profile === undefined) json(response, 404, { message: 'Not found' })
  else json(response, 200, profile)
})
const channel = await done(service, 'POST', '/v1/channels', {
  type: 'line',
  name: 'LINE',
  settings: { channelSecret: 'secret', channelAccessToken: 'token', apiBaseUrl: line.url, dataApiBaseUrl: line.url },
})

let events = 0
async function writes(userId: string): Promise<string> {
  const one = message({ id: `m${events}`, type: 'text', text: 'Hello' }, { source: { type: 'user', userId } })
  const stamped = { ...one, webhookEventId: `01JP${++events}`, timestamp: Date.now() }
  const { headers, rawBody } = signed({ destination: 'Ubot', events: [stamped] }, 'secret')
  const answer = await service.request('POST', `/v1/ingest/${channel.id}`, {
    body: rawBody,
    token: null,
    headers: { 'content-type': 'application/json', 'x-line-signature': headers['X-Line-Signature'] ?? '' },
  })
  if (answer.status !== 200) throw new Error(answer.text)
  let id = ''
  await until(async () => {
    const rows = await service.sql<{ id: string }>('SELECT contact_id AS id FROM app.identity WHERE value = $1', [
      userId,
    ])
    id = rows[0]?.id ?? ''
    return id !== ''
  })
  return id
}
const contact = async (id: string) => (await done(service, 'GET', `/v1/contacts/${id}`)).body

t.test('a provider’s profile fills a name that we made up and an empty language, and nothing else', async (t) => {
  profiles.Umina = {
    displayName: 'Mina',
    language: 'zh_Hant',
    pictureUrl: 'https://profile.example/p',
    statusMessage: 'hi',
  }
  const id = await writes('Umina')
  await until(async () => (await contact(id)).displayName === 'Mina')
  const found = await contact(id)
  t.match(found, { displayName: 'Mina', language: 'zh-Hant' })
  t.strictSame([found.country, found.timezone, found.givenName], [null, null, null], 'a language is no country')
  t.notMatch(JSON.stringify(found), /profile\.example/)
  const [audited] = await service.sql(
    `SELECT actor_kind, action, cause_id, touched FROM audit.readable_event WHERE touched @> '[{"resource":"contacts","changed":["language"]}]' AND actor_kind = 'system'`,
  )
  t.match(audited, { action: 'import', cause_id: id })
  t.match(JSON.stringify(audited?.touched), /"changed": ?\["displayName", ?"language"\]/)
})

t.test('what somebody has entered stays', async (t) => {
  const waiting: (() => void)[] = []
  const answer = line.answer
  line.answer = (seen, response, count) => void waiting.push(() => answer(seen, response, count))
  profiles.Uli = { displayName: 'Li', language: 'en' }
  const id = await writes('Uli')
  await until(() => waiting.length > 0)
  await done(service, 'PATCH', `/v1/contacts/${id}`, { displayName: 'Dr. Li', language: 'de' })
  for (const go of waiting) go()
  line.answer = answer
  await until(
    async () =>
      (
        await service.sql(
          `SELECT FROM audit.readable_event WHERE actor_kind = 'system' AND action = 'import' AND resource = 'contacts' AND cause_id = $1`,
          [id],
        )
      ).length > 0,
  )
  t.match(await contact(id), { displayName: 'Dr. Li', language: 'de' })
})
