import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Problem } from '../../../src/errors.ts'
import { storedPath } from '../../../src/privacy/file-store.ts'
import { knownChannels } from '../../../src/resources/ingest/known-channels.ts'
import { Allowance } from '../../../src/resources/webchat/allowance.ts'
import { streamLimits, VisitorStreams } from '../../../src/resources/webchat/streams.ts'
import { UploadAllowance, uploadLimits } from '../../../src/resources/webchat/upload-allowance.ts'
import type { ChatVisitor } from '../../../src/resources/webchat/visitors.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { sized } from '../../harness/size.ts'
import { chatChannel, listen, origin, Page, signingSecret, until } from './chat.ts'

const mib = 1024 * 1024
/** The proxy in front, whose word for who asks is taken. */
const behindProxy = { TRUSTED_PROXIES: '127.0.0.1' }

t.test('streams are counted by address, however many visitors it mints', async (t) => {
  const service = await startTestService(t, { listen: true, env: behindProxy })
  const channelId = await chatChannel(service)
  const open = async (address: (i: number) => string, visitors: number): Promise<number[]> => {
    const statuses: number[] = []
    for (let i = 0; i < visitors; i++) {
      const page = new Page(service.request, channelId)
      await page.open()
      const streams = Array.from({ length: 6 }, () =>
        listen(service.url, page.base, { token: page.token, address: address(i) }),
      )
      t.teardown(() => streams.map((one) => one.close()))
      statuses.push(...(await Promise.all(streams.map((one) => one.status))))
    }
    return statuses
  }
  // Each visitor from another address of the same line.
  const taken = await open((i) => `2001:db8:1:2::${i + 1}`, 12)
  t.strictSame([taken.filter((one) => one === 200).length, taken.filter((one) => one === 429).length], [60, 12])
  t.strictSame(await open(() => '2001:db8:1:3::1', 1), Array(6).fill(200), 'the next line is not their fault')
})

t.test('a session is counted by line too: another address of the same /64 is no other', async (t) => {
  const service = await startTestService(t, { env: { ...behindProxy, RATE_LIMIT_PER_MINUTE: '6000' } })
  const base = `/v1/webchat/${await chatChannel(service)}`
  const open = (address: string) =>
    service.request('POST', `${base}/sessions`, {
      token: null,
      body: {},
      headers: { origin, 'x-forwarded-for': address },
    })
  const statuses: number[] = []
  for (let i = 0; i < 122; i++) statuses.push((await open(`2001:db8:1:2:${i.toString(16)}::1`)).status)
  t.strictSame([statuses.filter((one) => one === 201).length, statuses.at(-1)], [120, 429])
  const over = await open('2001:db8:1:2::1')
  t.match(over.headers['retry-after'], /^\d+$/)
  t.equal((await open('2001:db8:1:3::1')).status, 201)
})

t.test('one channel’s streams, and one tenant’s, leave places for the others', async (t) => {
  const service = await startTestService(t)
  const other = await service.tenant()
  const first = await chatChannel(service)
  const second = await chatChannel(service)
  const elsewhere = await chatChannel(service, {}, other.ownerToken)
  const streams = new VisitorStreams(service.db, service.app.log, {
    ...streamLimits,
    perAddressMax: 100,
    perChannelMax: 3,
    perTenantMax: 5,
    totalMax: 100,
  })
  t.teardown(() => streams.close())
  let visitors = 0
  const open = async (channelId: string): Promise<string> => {
    const who = await visitorOf(service, channelId, ++visitors)
    try {
      ;(await streams.open(who, {}, `203.0.113.${visitors}`)).resume()
      return 'open'
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return `${error.code} ${error.options.headers?.['retry-after']}`
    }
  }
  const outcomes = async (channelId: string, times: number): Promise<string[]> => {
    const all: string[] = []
    for (let i = 0; i < times; i++) all.push(await open(channelId))
    return all
  }
  t.strictSame(await outcomes(first, 4), ['open', 'open', 'open', 'rate_limited 30'], 'a channel')
  t.strictSame(await outcomes(second, 3), ['open', 'open', 'rate_limited 30'], 'a tenant')
  t.strictSame(await outcomes(elsewhere, 1), ['open'], 'another tenant has its own')
})

async function visitorOf({ db }: TestService, channelId: string, i: number): Promise<ChatVisitor> {
  const known = await knownChannels(db).get(channelId)
  if (!known) throw new Error('no channel')
  const id = `0199f3a2-7c10-7a44-9d55-${i.toString(16).padStart(12, '0')}`
  const principal = { ...db.own('visitor', known.tenant), id }
  const settings = { signingSecret, allowedOrigins: [origin], showAuthors: false }
  return {
    known,
    settings,
    visitor: { id },
    matches: [id],
    caller: { principal, meta: { requestId: null, ip: null, purpose: null } },
  }
}

async function upload(service: TestService, page: Page, content: Buffer, address: string) {
  const data = new FormData()
  data.append('file', new File([new Uint8Array(content)], 'note.txt', { type: 'text/plain' }))
  const response = new Response(data)
  return service.request('POST', `${page.base}/files`, {
    token: page.token,
    body: Buffer.from(await response.arrayBuffer()),
    headers: {
      origin,
      'x-forwarded-for': address,
      'content-type': response.headers.get('content-type') ?? '',
    },
  })
}

async function newPage(service: TestService, channelId: string): Promise<Page> {
  const page = new Page(service.request, channelId)
  await page.open()
  return page
}

t.test('an address uploads so many bytes in an hour, whoever its visitors are', async (t) => {
  const { perAddressAndHour } = uploadLimits
  t.equal(perAddressAndHour, 256 * mib)
  // KiB for MiB, as far as the machine is not to work so long.
  const unit = sized(1024, mib)
  uploadLimits.perAddressAndHour = 256 * unit
  t.teardown(() => {
    uploadLimits.perAddressAndHour = perAddressAndHour
  })
  const service = await startTestService(t, { env: behindProxy })
  const channelId = await chatChannel(service)
  const content = Buffer.alloc(10 * unit - 1, 'all the same. ')
  const statuses: number[] = []
  let last = ''
  for (let i = 0; i < 27; i++) {
    const answer = await upload(service, await newPage(service, channelId), content, `2001:db8:1:2::${i + 1}`)
    statuses.push(answer.status)
    last = answer.headers['retry-after'] ?? ''
  }
  t.strictSame([statuses.filter((one) => one === 201).length, statuses.at(-1)], [25, 429], '256 of them')
  t.ok(Number(last) > 3_000 && Number(last) <= 3_600, 'until the hour is over')
  const next = await upload(service, await newPage(service, channelId), Buffer.from('x'), '2001:db8:1:3::1')
  t.equal(next.status, 201, 'another line')
})

t.test('bytes count for the address and for the channel, and what is refused for neither', async (t) => {
  const service = await startTestService(t)
  const allowance = new UploadAllowance(new Allowance(service.db), { perAddressAndHour: 100, perChannelAndDay: 250 })
  const take = async (ip: string, bytes: number, channelId = 'c'): Promise<string> => {
    try {
      await allowance.take({ ip, channelId }, bytes)
      return 'taken'
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      const seconds = Number(error.options.headers?.['retry-after'])
      return `${error.code} ${Math.ceil(seconds / 60)}`
    }
  }
  const pass = (minutes: number) =>
    service.sql(`UPDATE directory.allowance SET until = until - make_interval(mins => $1)`, [minutes])
  t.equal(await take('a', 100), 'taken')
  t.equal(await take('a', 1), 'rate_limited 60')
  t.equal(await take('a', 0), 'rate_limited 60', 'before a byte is read')
  t.equal(await take('b', 100), 'taken')
  t.equal(await take('c', 51), 'rate_limited 1440', 'the channel has enough')
  t.equal(await take('c', 50), 'taken')
  t.equal(await take('d', 1), 'rate_limited 1440')
  t.equal(await take('d', 1, 'another'), 'taken')
  await pass(60)
  t.equal(await take('a', 1), 'rate_limited 1380', 'the address may again, the channel not')
  await pass(1380)
  t.equal(await take('a', 100), 'taken', 'the next day')
})

t.test('uploads of a visitor that come at once are counted one after another', async (t) => {
  const service = await startTestService(t)
  const channelId = await chatChannel(service)
  const page = await newPage(service, channelId)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => upload(service, page, Buffer.from(`file ${i}`), '203.0.113.1')),
  )
  const of = (status: number): number => answers.filter((one) => one.status === status).length
  t.strictSame([of(201), of(429)], [20, 20])
  t.ok(answers.every((one) => one.status === 201 || one.headers['retry-after'] === '3600'))
})

t.test('an erasure takes what the person uploaded, whether or not a message named it', async (t) => {
  const service = await startTestService(t, { worker: true })
  const channelId = await chatChannel(service)
  const page = await newPage(service, channelId)
  const stranger = await newPage(service, channelId)
  const sent = await upload(service, page, Buffer.from('sent'), '203.0.113.1')
  const unsent = await upload(service, page, Buffer.from('unsent'), '203.0.113.1')
  const others = await upload(service, stranger, Buffer.from('another’s'), '203.0.113.1')
  t.equal((await page.say('1', 'here', [sent.id])).status, 202)
  await until('it is there', async () => (await page.texts()).length === 1)
  const again = await page.say('1', 'here', [sent.id])
  t.match(again.body, { duplicate: true }, 'what is said again still has its file')
  const files = (ids: string[]) =>
    service.sql<{ stored_as: string | null }>('SELECT stored_as FROM app.attachment WHERE id = ANY ($1)', [ids])
  const before = await files([sent.id, unsent.id])
  const paths = before.map((one) =>
    join(service.config.dataDir, 'attachments', storedPath(service.tenantId, one.stored_as ?? '')),
  )
  t.ok(paths.length === 2 && paths.every((path) => existsSync(path)))
  const [contact] = (await service.request('GET', '/v1/contacts')).data
  const erased = await service.request('POST', `/v1/contacts/${contact?.id}/erase`, { body: { reason: 'asked' } })
  t.match([erased.status, erased.body], [200, { counts: { attachments: 3 } }], 'counted with the message’s own copy')
  t.strictSame(await files([sent.id, unsent.id]), [], 'the rows are gone')
  t.equal((await files([others.id])).length, 1, 'a stranger’s stays')
  await until('the bytes are gone', () => paths.every((path) => !existsSync(path)))
})
