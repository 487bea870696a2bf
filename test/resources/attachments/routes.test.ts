import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { content, events, pdf, png, storedFiles, upload } from './fixtures.ts'

t.test('a file comes back as it went in, and lies on the disk encrypted', async (t) => {
  const service = await startTestService(t, { listen: true })
  const bytes = pdf(200_000)
  const made = await upload(service, bytes, { fileName: 'Rechnung Müller.pdf', type: 'application/pdf' })
  t.equal(made.status, 201, made.text)
  t.equal(made.headers.location, `/v1/attachments/${made.id}`)
  t.match(made.body, {
    fileName: 'Rechnung Müller.pdf',
    mediaType: 'application/pdf',
    size: bytes.length,
    status: 'stored',
    contactId: null,
    messageId: null,
    uploadedBy: service.ownerId,
    contentUrl: `/v1/attachments/${made.id}/content`,
  })

  const got = await content(service, made.id)
  t.equal(got.status, 200)
  t.ok(got.bytes.equals(bytes))
  t.match(Object.fromEntries(got.headers), {
    'content-type': 'application/pdf',
    'content-length': String(bytes.length),
    'content-disposition': `attachment; filename="Rechnung M_ller.pdf"; filename*=UTF-8''Rechnung%20M%C3%BCller.pdf`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "sandbox; default-src 'none'",
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
  })

  const [file, ...others] = storedFiles(service)
  t.same(others, [])
  if (!file) throw new Error('nothing is stored')
  t.notOk(file.bytes.includes('canary'))
  t.equal(file.mode, 0o600)
  const tenant = join(service.config.dataDir, 'attachments', service.tenantId)
  t.ok(file.path.startsWith(join(tenant, made.id.slice(-2), made.id)))
  for (const folder of [dirname(file.path), tenant, dirname(tenant)]) t.equal(statSync(folder).mode & 0o777, 0o700)
  t.notMatch(JSON.stringify(await service.sql('SELECT * FROM app.attachment')), /canary/)
  t.notMatch(service.logs.join(''), /canary|Rechnung/)
})

t.test('every look at a file is in the audit: content, ranges, HEAD and 304 alike', async (t) => {
  const service = await startTestService(t, { listen: true })
  const bytes = pdf(150_000)
  const { id } = await upload(service, bytes)
  t.match(await events(service, id), [{ action: 'create', outcome: 'allowed', actor_id: service.ownerId }])

  const whole = await content(service, id)
  const etag = whole.headers.get('etag') ?? ''
  const head = await content(service, id, { method: 'HEAD', headers: { range: 'bytes=0-1' } })
  t.equal(head.status, 200, 'ranges are for GET')
  t.equal(head.bytes.length, 0)
  for (const name of ['content-type', 'content-length', 'content-disposition', 'etag', 'accept-ranges'])
    t.equal(head.headers.get(name), whole.headers.get(name), `HEAD: ${name}`)
  const known = await content(service, id, { headers: { 'if-none-match': etag } })
  t.equal(known.status, 304)
  t.equal(known.bytes.length, 0)
  t.equal((await content(service, id, { headers: { 'if-none-match': '"another"' } })).status, 200)
  await content(service, id, { headers: { range: 'bytes=5-9' } })

  const reads = (await events(service, id)).slice(1)
  t.equal(reads.length, 5)
  for (const read of reads)
    t.match(read, {
      action: 'read',
      resource: 'attachments',
      outcome: 'allowed',
      row_count: 1,
      touched: [{ ids: [id], shown: ['content', 'fileName', 'mediaType', 'size'], masked: [] }],
    })
})

t.test('nothing of a file leaves when the audit cannot be written', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { id } = await upload(service, pdf(1000))
  const [login] = await service.sql<{ usename: string }>(
    "SELECT usename FROM pg_stat_activity WHERE application_name = 'custodia' AND datname = current_database() LIMIT 1",
  )
  await service.sql(`REVOKE INSERT ON audit.event FROM ${login?.usename}`)
  await service.sql(
    `REVOKE INSERT (tenant_id, event_id, action, resource, shape_id) ON audit.event FROM ${login?.usename}`,
  )
  const got = await content(service, id)
  t.equal(got.status, 503)
  t.notOk(got.bytes.includes('canary'))
})

t.test('one range is answered with 206, several with all, one outside with 416', async (t) => {
  const service = await startTestService(t, { listen: true })
  const bytes = pdf(200_001)
  const { id } = await upload(service, bytes)
  const size = bytes.length
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 0],
    ['bytes=65530-131080', 65_530, 131_080],
    ['bytes=199000-', 199_000, size - 1],
    ['bytes=-10', size - 10, size - 1],
    ['bytes=100-9999999', 100, size - 1],
  ] as const) {
    const got = await content(service, id, { headers: { range } })
    t.equal(got.status, 206, range)
    t.equal(got.headers.get('content-range'), `bytes ${start}-${end}/${size}`)
    t.equal(got.headers.get('content-length'), String(end - start + 1))
    t.ok(got.bytes.equals(bytes.subarray(start, end + 1)), range)
  }
  for (const range of ['bytes=0-1,5-6', 'bytes=9-1', 'lines=1-2']) {
    const got = await content(service, id, { headers: { range } })
    t.equal(got.status, 200, range)
    t.equal(got.bytes.length, size)
  }
  const beyond = await content(service, id, { headers: { range: `bytes=${size}-` } })
  t.equal(beyond.status, 416)
  t.equal(beyond.headers.get('content-range'), `bytes */${size}`)
  t.match(JSON.parse(beyond.bytes.toString()), { code: 'range_not_satisfiable' })

  const etag = (await content(service, id, { method: 'HEAD' })).headers.get('etag') ?? ''
  t.equal((await content(service, id, { headers: { range: 'bytes=0-1', 'if-range': etag } })).status, 206)
  t.equal((await content(service, id, { headers: { range: 'bytes=0-1', 'if-range': '"older"' } })).status, 200)
})

t.test('only what cannot run is shown in the page, and that only when it is asked for', async (t) => {
  const service = await startTestService(t, { listen: true })
  const image = (await upload(service, png, { fileName: 'dot.png', type: 'image/png' })).id
  const text = (await upload(service, Buffer.from('hello'), { fileName: 'a.txt', type: 'text/plain' })).id
  const shown = async (id: string, query: string): Promise<string | null> =>
    (await content(service, id, { query })).headers.get('content-disposition')
  t.equal(await shown(image, ''), 'attachment; filename="dot.png"')
  t.equal(await shown(image, '?disposition=inline'), 'inline; filename="dot.png"')
  t.equal(await shown(text, '?disposition=inline'), 'attachment; filename="a.txt"')
  t.equal((await content(service, image, { query: '?disposition=other' })).status, 400)
  t.equal((await content(service, image, { query: '?foo=1' })).status, 400)
})

t.test('files are listed, searched, fetched, trashed and brought back; in the trash nothing is served', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { request } = service
  const { id } = await upload(service, png, { fileName: 'dot.png' })
  await upload(service, pdf(500), { fileName: 'doc.pdf' })
  t.equal((await request('GET', '/v1/attachments')).data.length, 2)
  t.same(
    (await request('GET', '/v1/attachments?mediaType=image/png')).data.map((one) => one.id),
    [id],
  )
  t.same(
    (await request('POST', '/v1/attachments/search', { body: { where: { gt: ['size', 400] } } })).data.map(
      (one) => one.fileName,
    ),
    ['doc.pdf'],
  )
  const fetched = await request('GET', `/v1/attachments/${id}`)
  t.equal(fetched.status, 200)
  t.equal((await request('PATCH', `/v1/attachments/${id}`, { body: { fileName: 'x' } })).status, 405)
  t.notMatch(fetched.text, /stored_?as|wrapped|hash|source/i)

  t.equal((await request('DELETE', `/v1/attachments/${id}`)).status, 204)
  t.equal((await content(service, id)).status, 404)
  t.equal(storedFiles(service).length, 2)
  t.equal((await request('POST', `/v1/attachments/${id}/restore`)).status, 200)
  t.ok((await content(service, id)).bytes.equals(png))
})

t.test('what is not there says why', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { id } = await upload(service, pdf(100))
  const answer = async (status: string): Promise<string> => {
    await service.sql('UPDATE app.attachment SET status = $1 WHERE id = $2', [status, id])
    const got = await content(service, id)
    return `${got.status} ${JSON.parse(got.bytes.toString()).code}`
  }
  t.equal(await answer('pending'), '409 content_pending')
  for (const status of ['failed', 'refused', 'removed']) t.equal(await answer(status), '404 content_missing', status)
  t.equal((await content(service, '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11')).status, 404)
  t.equal((await content(service, 'nonsense')).status, 400)
  t.match((await events(service, id)).at(-1), { outcome: 'denied', code: 'content_missing' })
  t.notOk((await events(service, id)).slice(1).some((event) => JSON.stringify(event.touched).includes('"content"')))
})
