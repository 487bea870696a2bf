import t from 'tap'
import { uploadLimits } from '../../../src/resources/webchat/upload-allowance.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { another } from './another-process.ts'
import { chatChannel, listen, origin, Page, until } from './chat.ts'

const behindProxy = { TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_PER_MINUTE: '6000' }

/** A request to one of several processes, by its address. */
async function send(
  url: string,
  path: string,
  token: string | null,
  body: FormData | object,
  address = '203.0.113.1',
): Promise<Response> {
  const isJson = !(body instanceof FormData)
  return fetch(`${url}${path}`, {
    method: 'POST',
    body: isJson ? JSON.stringify(body) : body,
    headers: {
      origin,
      'x-forwarded-for': address,
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
  })
}

/** A service of two processes with a chat. */
async function two(t: {
  teardown(end: () => Promise<void>): unknown
}): Promise<{ service: TestService; urls: string[]; base: string; page: Page; stop(): Promise<void> }> {
  const service = await startTestService(t, { listen: true, env: behindProxy })
  const second = await another(service)
  t.teardown(second.stop)
  const page = new Page(service.request, await chatChannel(service))
  await page.open()
  return { service, urls: [service.url, second.url], base: page.base, page, stop: second.stop }
}

const counted = (statuses: readonly number[], status: number): number => statuses.filter((one) => one === status).length

t.test('what an address opens and a visitor says is counted over all processes', async (t) => {
  const { service, urls, base, page } = await two(t)
  const sessions: number[] = []
  for (let i = 0; i < 130; i++)
    sessions.push((await send(urls[i % 2] ?? '', `${base}/sessions`, null, {}, '198.51.100.7')).status)
  t.strictSame([counted(sessions, 201), counted(sessions, 429)], [120, 10])
  const posts: Response[] = []
  for (let i = 0; i < 64; i++)
    posts.push(await send(urls[i % 2] ?? '', `${base}/messages`, page.token, { id: `m${i}`, text: 'x' }))
  const statuses = posts.map((one) => one.status)
  t.strictSame([counted(statuses, 202), counted(statuses, 429)], [60, 4])
  t.match(posts[0]?.headers.get('ratelimit'), /r=59;/)
  t.match(posts[1]?.headers.get('ratelimit'), /r=58;/, 'one count')
  t.match(posts.at(-1)?.headers.get('retry-after'), /^\d+$/)
  const stored = JSON.stringify(
    await service.sql('SELECT encode(subject_hash, $1) AS h FROM directory.allowance', ['escape']),
  )
  t.notMatch(stored, /198\.51|203\.0/, 'no address is kept')
  await service.sql(`UPDATE directory.allowance SET until = now() - interval '1 second'`)
  t.equal((await send(urls[1] ?? '', `${base}/messages`, page.token, { id: 'next', text: 'x' })).status, 202)
})

t.test('many requests at once at two processes are let in no more than one after another', async (t) => {
  const { urls, base, page } = await two(t)
  const statuses = await Promise.all(
    Array.from({ length: 90 }, async (_, i) => {
      const answer = await send(urls[i % 2] ?? '', `${base}/read`, page.token, { lastMessageId: page.visitorId })
      return answer.status
    }),
  )
  t.equal(counted(statuses, 429), 30, JSON.stringify(statuses))
})

t.test('the bytes of uploads are counted over all processes', async (t) => {
  const { perAddressAndHour } = uploadLimits
  uploadLimits.perAddressAndHour = 1_000_000
  t.teardown(() => {
    uploadLimits.perAddressAndHour = perAddressAndHour
  })
  const { urls, base, page } = await two(t)
  const statuses: number[] = []
  for (let i = 0; i < 6; i++) {
    const data = new FormData()
    data.append('file', new File([Buffer.alloc(300_000, 'all the same. ')], 'note.txt', { type: 'text/plain' }))
    statuses.push((await send(urls[i % 2] ?? '', `${base}/files`, page.token, data)).status)
  }
  t.strictSame(statuses, [201, 201, 201, 429, 429, 429])
})

t.test('streams are counted over all processes, and a process that is gone leaves its places', async (t) => {
  const { service, urls, page, stop } = await two(t)
  const open = (url: string) => {
    const stream = listen(url, page.base, { token: page.token })
    t.teardown(() => stream.close())
    return stream
  }
  const eight = Array.from({ length: 8 }, (_, i) => open(urls[i % 2] ?? ''))
  const statuses = await Promise.all(eight.map((one) => one.status))
  t.strictSame([counted(statuses, 200), counted(statuses, 429)], [6, 2], 'six windows, wherever')
  const places = async (): Promise<number> => (await service.sql('SELECT FROM directory.stream_place')).length
  t.equal(await places(), 6)
  eight[statuses.indexOf(200)]?.close()
  await until('its place is free', async () => (await places()) === 5)
  await stop()
  const left = await places()
  t.ok(left < 5 && left > 0, `${left} are left`)
  // One that died says nothing: what it does not renew is void.
  await service.sql(`UPDATE directory.stream_place SET until = now() - interval '1 second'`)
  const six = Array.from({ length: 6 }, () => open(service.url))
  t.strictSame(await Promise.all(six.map((one) => one.status)), Array(6).fill(200))
})
