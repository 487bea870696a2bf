import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { createHttpClient } from '../../src/channels/http-client.ts'
import type { WorkContext } from '../../src/delivery/task.ts'
import { tasks } from '../../src/delivery/tasks.ts'
import { json, type LocalServer, localServer, type Seen } from '../channels/local-server.ts'
import { startTestService, type TestService } from '../harness/service.ts'
import { pdf, png, storedFiles } from '../resources/attachments/fixtures.ts'
import { accessToken, phoneNumberId, post } from '../resources/ingest/posts.ts'
import { type Lanes, said, startLanes } from './lanes.ts'

/** How a file is to be served by the provider's double. */
interface Served {
  bytes?: Buffer | undefined
  /** Status of the first step (the id) and of the second (the bytes). */
  locate?: number
  download?: number
  mimeType?: string
  sha256?: string
  size?: number
  /** Takes over the second step. */
  answer?: (response: ServerResponse) => void
}

/** WhatsApp's media API: an id gives an address, the address the bytes, both only with the channel's token. */
async function mediaApi(
  t: { teardown(end: () => Promise<void>): unknown },
  files: Record<string, Served>,
): Promise<LocalServer> {
  const server: LocalServer = await localServer((seen: Seen, response: ServerResponse) => {
    const { pathname } = new URL(seen.path, server.url)
    const id = pathname.split('/').at(-1) ?? ''
    const file = files[id]
    if (seen.headers.authorization !== `Bearer ${accessToken}`) json(response, 401, { error: 'no token' })
    else if (!file) json(response, 404, { error: 'no such media' })
    else if (pathname.startsWith('/files/')) {
      if (file.answer) file.answer(response)
      else if (file.download) json(response, file.download, { error: 'secret words of the provider' })
      else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file.bytes)
    } else if (file.locate) json(response, file.locate, { error: 'secret words of the provider' })
    else
      json(response, 200, {
        id,
        url: `${server.url}/files/${id}?token=in-the-address`,
        mime_type: file.mimeType ?? 'image/png',
        file_size: file.size ?? file.bytes?.length,
        sha256: file.sha256 ?? (file.bytes ? createHash('sha256').update(file.bytes).digest('hex') : undefined),
      })
  })
  t.teardown(() => server.close())
  return server
}

/** A customer's message with a file, as WhatsApp posts it. */
const imagePost = (id: string, more: object = {}): object => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: '800000000000001',
      time: 1_790_000_000,
      changes: [
        {
          field: 'messages',
          value: {
            messaging_product: 'whatsapp',
            metadata: { display_phone_number: '+49 30 5557 0000', phone_number_id: phoneNumberId },
            contacts: [{ wa_id: '4915112345678', profile: { name: 'Mina' } }],
            messages: [
              {
                from: '4915112345678',
                id: `wamid.${id}`,
                timestamp: '1790000001',
                type: 'document',
                document: { id, mime_type: 'image/png', filename: 'Foto Mina.png', ...more },
              },
            ],
          },
        },
      ],
    },
  ],
})

/** Runs the job of the one attachment that waits, several times at once where asked, and gives its row. */
async function fetchOne(
  { service, context }: Pick<Lanes, 'service' | 'context'>,
  attempts = 1,
  times = 1,
): Promise<Record<string, unknown>> {
  const [row] = await service.sql<{ id: string }>("SELECT id FROM app.attachment WHERE status = 'pending'")
  if (!row) throw new Error('no attachment waits')
  const payload = { tenantId: service.tenantId, region: 'default', attachmentId: row.id }
  const run = () => tasks['fetch-media']?.(context, payload, { attempts, maxAttempts: 25 })
  await Promise.all(Array.from({ length: times }, run))
  const [after] = await service.sql('SELECT * FROM app.attachment WHERE id = $1', [row.id])
  return after ?? {}
}

const bytesOf = async (service: TestService, id: unknown): Promise<Buffer> => {
  const url = `/v1/attachments/${String(id)}/content`
  const answer = await service.app.inject({ url, headers: { authorization: `Bearer ${service.ownerToken}` } })
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body}`)
  return answer.rawPayload
}

/** Nothing that a provider gave us to reach a file may turn up anywhere. */
async function tellsNothing(t: Tap, service: TestService): Promise<void> {
  const tables = ['app.attachment', 'app.message', 'app.channel', 'audit.event', 'graphile_worker._private_jobs']
  const rows = await Promise.all(
    tables.map((table) => service.sql(`SELECT row_to_json(x)::text AS row FROM ${table} AS x`)),
  )
  const all = `${JSON.stringify(rows)}${service.logs.join('')}`
  t.notMatch(all, /in-the-address|access-token-of-tests|secret words|\/files\//)
}
type Tap = { notMatch(found: string, pattern: RegExp): unknown }

t.test('a file that a customer sends on WhatsApp is fetched by the service itself, and is theirs', async (t) => {
  const bytes = Buffer.concat([png, Buffer.from('the-canary-sings'.repeat(20_000))])
  const api = await mediaApi(t, { M1: { bytes } })
  const service = await startTestService(t, { worker: true })
  const body = {
    type: 'whatsapp',
    name: 'WhatsApp',
    settings: {
      phoneNumberId,
      appSecret: 's3cret-of-the-app',
      verifyToken: 'verify-token',
      accessToken,
      apiBaseUrl: api.url,
    },
  }
  const channel = await service.request('POST', '/v1/channels', { body })
  t.equal(channel.status, 201, channel.text)
  t.equal((await post(service, channel.id, JSON.stringify(imagePost('M1')), 's3cret-of-the-app')).status, 200)
  let found: Record<string, unknown> | undefined
  for (let i = 0; i < 200 && found?.status !== 'stored'; i++) {
    ;[found] = (await service.request('GET', '/v1/attachments')).data
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const [contact] = (await service.request('GET', '/v1/contacts')).data
  t.match(found, {
    status: 'stored',
    mediaType: 'image/png',
    size: bytes.length,
    fileName: 'Foto Mina.png',
    contactId: contact?.id,
    uploadedBy: null,
    error: null,
  })
  t.ok((await bytesOf(service, found?.id)).equals(bytes))
  const [file, ...others] = storedFiles(service)
  t.same(others, [])
  t.notOk(file?.bytes.includes('canary'))
  t.same(
    api.seen.map((seen) => seen.headers.authorization),
    Array(2).fill(`Bearer ${accessToken}`),
    'both steps carried the token',
  )
  const [message] = (await service.request('GET', `/v1/conversations/${found?.conversationId}/messages`)).data
  t.match(message, { attachments: [{ id: found?.id, status: 'stored', size: bytes.length }] })
  t.match((await service.request('GET', `/v1/audit-events?recordId=${found?.id}&action=import`)).data[0], {
    actor: { kind: 'system' },
    resource: 'attachments',
    subjectIds: [contact?.id],
  })
  t.match(await service.sql('SELECT sealed_source, key_contact_id FROM app.attachment'), [
    { sealed_source: null, key_contact_id: contact?.id },
  ])
  await tellsNothing(t, service)
})

t.test('a file that a connector names by its address is fetched without any credentials', async (t) => {
  const lanes = await startLanes(t)
  const bytes = pdf(70_000)
  const server = await localServer((_seen, response) =>
    response.writeHead(200, { 'content-type': 'application/pdf' }).end(bytes),
  )
  t.teardown(() => server.close())
  const { send } = await lanes.connector()
  const attachments = [
    { url: `${server.url}/files/1?token=in-the-address`, filename: 'offer.pdf', mediaType: 'application/pdf' },
  ]
  await send(said('see this', { message: { type: 'text', text: 'see this', attachments } }))
  await lanes.drain()
  const row = await fetchOne(lanes)
  t.match(row, { status: 'stored', media_type: 'application/pdf', sealed_source: null })
  t.ok((await bytesOf(lanes.service, row.id)).equals(bytes))
  t.equal(server.seen[0]?.headers.authorization, undefined)
  await tellsNothing(t, lanes.service)
})

t.test('what cannot be fetched is written down with its reason, and tells nothing else', async (t) => {
  const exe = Buffer.concat([Buffer.from('MZ\x90\0'), Buffer.alloc(300)])
  const cases: Record<
    string,
    { served: Served; status: string; error: string | null; mediaType?: string; keeps?: boolean }
  > = {
    gone: { served: { locate: 404 }, status: 'failed', error: 'gone' },
    goneLater: { served: { bytes: png, download: 404 }, status: 'failed', error: 'gone' },
    unauthorised: { served: { bytes: png, download: 401 }, status: 'failed', error: 'unauthorised', keeps: true },
    large: { served: { bytes: pdf(5_000), size: 90_000_000 }, status: 'refused', error: 'too_large' },
    larger: { served: { bytes: pdf(200_000), size: 10, sha256: '' }, status: 'refused', error: 'too_large' },
    program: { served: { bytes: exe }, status: 'refused', error: 'executable' },
    page: {
      served: { bytes: Buffer.from('<!doctype html><script>'), mimeType: 'image/png' },
      status: 'refused',
      error: 'active_content',
    },
    empty: { served: { bytes: Buffer.alloc(0) }, status: 'refused', error: 'empty' },
    disguised: {
      served: { bytes: pdf(500), mimeType: 'image/jpeg' },
      status: 'stored',
      error: null,
      mediaType: 'application/pdf',
    },
  }
  const api = await mediaApi(t, Object.fromEntries(Object.entries(cases).map(([id, { served }]) => [id, served])))
  const lanes = await startLanes(t)
  const { service } = lanes
  lanes.context.config = { ...lanes.context.config, attachmentMaxBytes: 100_000 }
  const channel = await lanes.whatsapp({ apiBaseUrl: api.url })
  for (const [id, { status, error, mediaType, keeps }] of Object.entries(cases)) {
    await channel.send(imagePost(id))
    await lanes.drain()
    const row = await fetchOne(lanes)
    t.match(row, { status, error, attempts: 1 }, id)
    if (mediaType) t.equal(row.media_type, mediaType, id)
    t.equal(row.sealed_source !== null, keeps ?? false, `${id}: whether its reference is kept`)
    const answer = await service.request('GET', `/v1/attachments/${String(row.id)}/content`)
    t.equal(answer.status, status === 'stored' ? 200 : 404, id)
    const health = (await service.request('GET', `/v1/channels/${channel.id}`)).body
    if (id === 'goneLater') t.equal(health.lastError, null, 'a file that is gone is not the channel’s trouble')
    if (id === 'unauthorised') t.equal(health.lastError, 'unauthorised')
  }
  t.equal(storedFiles(service).length, 1, 'what was refused has left nothing')
  await tellsNothing(t, service)
})

t.test('trouble that may pass is tried again, with patience and an end', async (t) => {
  const cases: Record<string, { served: Served; error: string }> = {
    busy: { served: { locate: 429 }, error: 'unavailable' },
    down: { served: { bytes: png, download: 503 }, error: 'unavailable' },
    broken: {
      served: {
        bytes: png,
        answer: (response) =>
          response.writeHead(200, { 'content-length': '9999' }).end('short', () => response.destroy()),
      },
      error: 'unavailable',
    },
    changed: { served: { bytes: png, sha256: 'ab'.repeat(32) }, error: 'checksum_mismatch' },
  }
  const api = await mediaApi(t, Object.fromEntries(Object.entries(cases).map(([id, { served }]) => [id, served])))
  const lanes = await startLanes(t)
  const channel = await lanes.whatsapp({ apiBaseUrl: api.url })
  for (const [id, { error }] of Object.entries(cases)) {
    await channel.send(imagePost(id))
    await lanes.drain()
    for (const attempts of [1, 7]) await t.rejects(fetchOne(lanes, attempts), id)
    t.match(await fetchOne(lanes, 8), { status: 'failed', error, attempts: 8, sealed_source: Buffer }, id)
  }
  t.same(storedFiles(lanes.service), [])
  await tellsNothing(t, lanes.service)
})

t.test('a file that comes after trouble is kept, and a second job for it does nothing', async (t) => {
  const files: Record<string, Served> = { M1: { bytes: png, download: 500 } }
  const api = await mediaApi(t, files)
  const lanes = await startLanes(t)
  await (await lanes.whatsapp({ apiBaseUrl: api.url })).send(imagePost('M1'))
  await lanes.drain()
  await t.rejects(fetchOne(lanes))
  files.M1 = { bytes: png }
  const row = await fetchOne(lanes, 2)
  t.match(row, { status: 'stored', attempts: 2, version: 2 })
  const asked = api.seen.length
  const payload = { tenantId: lanes.service.tenantId, region: 'default', attachmentId: String(row.id) }
  await tasks['fetch-media']?.(lanes.context, payload, { attempts: 1, maxAttempts: 25 })
  t.equal(api.seen.length, asked)
})

t.test('two jobs for one file at once leave one file', async (t) => {
  const api = await mediaApi(t, { M1: { bytes: png } })
  const lanes = await startLanes(t)
  await (await lanes.whatsapp({ apiBaseUrl: api.url })).send(imagePost('M1'))
  await lanes.drain()
  const row = await fetchOne(lanes, 1, 2)
  t.ok((await bytesOf(lanes.service, row.id)).equals(png))
  t.equal(storedFiles(lanes.service).length, 1)
})

t.test('no address inside our own network is fetched, by whatever way it is named', async (t) => {
  const inside = await localServer((_seen, response) => response.end('the inside'))
  t.teardown(() => inside.close())
  const lanes = await startLanes(t)
  const { send } = await lanes.connector()
  const strict = createHttpClient({ allowPrivate: false })
  t.teardown(() => strict.close())
  const context: WorkContext = { ...lanes.context, http: strict }
  const port = new URL(inside.url).port
  for (const url of [
    inside.url,
    `https://127.0.0.1:${port}/`,
    `https://localhost:${port}/`,
    'https://169.254.169.254/latest',
    `https://[::1]:${port}/`,
  ]) {
    await send(said('see', { message: { type: 'text', text: 'see', attachments: [{ url }] } }))
    await lanes.drain()
    t.match(await fetchOne({ ...lanes, context }), { status: 'failed', error: 'blocked_address' }, url)
  }
  t.equal(inside.seen.length, 0)
  t.same(storedFiles(lanes.service), [])
})

t.test('what the hub itself lacks is said: the channel, its settings, the reference', async (t) => {
  const lanes = await startLanes(t)
  const api = await mediaApi(t, {})
  const { service } = lanes
  const channel = await lanes.whatsapp({ apiBaseUrl: api.url })
  const pend = async (id: string): Promise<void> => {
    await channel.send(imagePost(id))
    await lanes.drain()
  }
  await pend('one')
  await service.sql("UPDATE app.attachment SET sealed_source = NULL WHERE status = 'pending'")
  t.match(await fetchOne(lanes), { status: 'failed', error: 'not_a_reference' })
  await pend('two')
  await service.sql("UPDATE app.channel SET state = 'trashed'")
  t.match(await fetchOne(lanes), { status: 'failed', error: 'channel_gone' })
  t.equal(api.seen.length, 0)
})
