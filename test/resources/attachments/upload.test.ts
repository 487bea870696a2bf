import { Agent, request as httpRequest } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { sweepFiles } from '../../../src/delivery/file-upkeep.ts'
import { cleanFileName } from '../../../src/resources/attachments/upload.ts'
import { startTestService, type TestService } from '../../harness/service.ts'
import { content, pdf, png, storedFiles, upload } from './fixtures.ts'

/** A multipart body from hand-written parts. */
const body = (...parts: string[]): string =>
  `${parts.map((part) => `--frontier\r\n${part}\r\n`).join('')}--frontier--\r\n`
const filePart = (name = 'file', text = 'hello'): string =>
  `Content-Disposition: form-data; name="${name}"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n${text}`
const fieldPart = (name: string, value: string): string =>
  `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`

const post = (service: TestService, text: string, type = 'multipart/form-data; boundary=frontier', headers = {}) =>
  service.request('POST', '/v1/attachments', { body: text, headers: { 'content-type': type, ...headers } })

t.test('what is no upload is refused in words, and leaves nothing', async (t) => {
  const service = await startTestService(t)
  const cases: [string, string, number, string, object?][] = [
    ['no file', body(), 400, 'invalid_request', { path: '/file', code: 'required' }],
    ['fields only', body(fieldPart('businessUnitId', service.tenantId)), 400, 'invalid_request'],
    ['another part', body(filePart('photo')), 400, 'invalid_request', { path: '/photo', code: 'unknown_field' }],
    ['two files', body(filePart(), filePart()), 400, 'invalid_request'],
    [
      'an unknown field',
      body(filePart(), fieldPart('color', 'red')),
      400,
      'invalid_request',
      { path: '/color', code: 'unknown_field' },
    ],
    [
      'a bad unit',
      body(filePart(), fieldPart('businessUnitId', 'x')),
      400,
      'invalid_request',
      { path: '/businessUnitId' },
    ],
    ['a unit that is not there', body(fieldPart('businessUnitId', service.tenantId), filePart()), 422, 'unprocessable'],
    [
      'a field twice',
      body(fieldPart('businessUnitId', service.tenantId), fieldPart('businessUnitId', service.tenantId), filePart()),
      400,
      'invalid_request',
    ],
    ['a long field', body(fieldPart('businessUnitId', 'x'.repeat(5000)), filePart()), 400, 'invalid_request'],
    ['a prototype', body(fieldPart('__proto__', 'x'), filePart()), 400, 'invalid_request'],
    [
      'many fields',
      body(...Array.from({ length: 20 }, (_, i) => fieldPart(`f${i}`, 'x')), filePart()),
      400,
      'invalid_request',
    ],
    ['an empty file', body(filePart('file', '')), 422, 'file_refused', { path: '/file', code: 'empty' }],
    ['a body that breaks off', `--frontier\r\n${filePart()}`, 400, 'invalid_request'],
    ['a body without parts', 'hello', 400, 'invalid_request'],
    ['nothing', '', 400, 'invalid_request'],
  ]
  for (const [what, text, status, code, fault] of cases) {
    const answer = await post(service, text)
    t.equal(answer.status, status, `${what}: ${answer.text}`)
    t.equal(answer.code, code, what)
    if (fault) t.match(answer.body.errors, [fault], what)
  }
  t.equal((await post(service, body(filePart()), 'multipart/form-data')).code, 'invalid_request', 'no boundary')
  for (const type of [
    'application/json',
    'text/plain',
    'multipart/mixed; boundary=frontier',
    'application/x-www-form-urlencoded',
  ])
    t.equal((await post(service, body(filePart()), type)).status, 415, type)
  t.equal((await service.request('POST', '/v1/attachments')).status, 415)
  // Elsewhere a multipart body is as foreign as before.
  const elsewhere = { body: body(filePart()), headers: { 'content-type': 'multipart/form-data; boundary=frontier' } }
  t.equal((await service.request('POST', '/v1/contacts', elsewhere)).status, 415)
  t.same(storedFiles(service), [])
  t.same(await service.sql('SELECT 1 FROM app.attachment'), [])
})

t.test('dangerous and disguised files are refused with the reason', async (t) => {
  const service = await startTestService(t, { listen: true })
  const exe = Buffer.concat([Buffer.from('MZ\x90\0'), Buffer.alloc(300)])
  const cases: [Buffer, string, string, string][] = [
    [exe, 'holiday.png', 'image/png', 'executable'],
    [Buffer.from('<svg onload="alert(1)"/>'), 'logo.png', 'image/png', 'active_content'],
    [Buffer.from('<!doctype html>'), 'page.txt', 'text/plain', 'active_content'],
    [Buffer.from('echo hi'), 'run.bat', 'text/plain', 'script'],
    [Buffer.from('just words'), 'photo.jpg', 'image/jpeg', 'type_mismatch'],
    [png, 'invoice.pdf', 'application/pdf', 'type_mismatch'],
  ]
  for (const [bytes, fileName, type, code] of cases) {
    const answer = await upload(service, bytes, { fileName, type })
    t.equal(answer.status, 422, fileName)
    t.equal(answer.code, 'file_refused')
    t.match(answer.body.errors, [{ path: '/file', code }], `${fileName} as ${type}`)
  }
  t.same(storedFiles(service), [])
})

t.test('a file beyond the limit is 413, however it is sent, and the connection lives on', async (t) => {
  const service = await startTestService(t, { listen: true, env: { ATTACHMENT_MAX_BYTES: '100000' } })
  t.equal((await upload(service, pdf(100_000))).status, 201, 'the limit itself')
  t.equal(storedFiles(service).length, 1)
  for (const size of [100_001, 150_000, 3_000_000]) {
    const answer = await upload(service, pdf(size))
    t.equal(answer.status, 413, `${size} bytes`)
    t.equal(answer.code, 'body_too_large')
  }
  // One connection for all: each answer must be read to its end before the next request can be sent.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  t.equal(await chunked(service, 80_000_000, agent), 413, 'without a Content-Length')
  t.equal(await chunked(service, 50_000, agent), 201, 'the next one on the same connection')
  t.equal(storedFiles(service).length, 2)
})

/** An upload whose length nobody said. */
function chunked(service: TestService, size: number, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${service.url}/v1/attachments`, {
      method: 'POST',
      agent,
      headers: {
        authorization: `Bearer ${service.ownerToken}`,
        'content-type': 'multipart/form-data; boundary=frontier',
      },
    })
    request.on('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', reject)
    request.write(`--frontier\r\n${filePart('file', '')}`)
    for (let at = 0; at < size; at += 50_000) request.write(Buffer.alloc(50_000, 'x'))
    request.end('\r\n--frontier--\r\n')
  })
}

t.test('a sender who breaks off leaves nothing', async (t) => {
  const service = await startTestService(t, { listen: true })
  const request = httpRequest(`${service.url}/v1/attachments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${service.ownerToken}`,
      'content-type': 'multipart/form-data; boundary=frontier',
    },
  })
  request.on('error', () => {})
  request.write(`--frontier\r\n${filePart('file', 'x'.repeat(200_000))}`)
  while (storedFiles(service).length === 0) await sleep(10)
  t.match(storedFiles(service)[0]?.path, /\.draft$/)
  request.destroy()
  for (let i = 0; i < 200 && storedFiles(service).length > 0; i++) await sleep(10)
  t.same(storedFiles(service), [])
  t.same(await service.sql('SELECT 1 FROM app.attachment'), [])
})

t.test('a file whose COMMIT got no answer is left to the upkeep: its row may be there', async (t) => {
  const service = await startTestService(t, { listen: true })
  await service.sql(
    `CREATE FUNCTION break_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`,
  )
  await service.sql(
    `CREATE CONSTRAINT TRIGGER break_commit AFTER INSERT ON app.attachment DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION break_commit()`,
  )
  t.equal((await upload(service, png)).status, 503)
  t.equal(storedFiles(service).length, 1)
  const context = { db: service.db, config: service.config, log: service.log }
  t.equal(await sweepFiles(context, { draftMs: 0, orphanMs: -1 }), 1)
  t.same(storedFiles(service), [])
})

t.test('an Idempotency-Key makes one file of two, and tells another file from the first', async (t) => {
  const service = await startTestService(t, { listen: true })
  const headers = { 'idempotency-key': 'upload-1' }
  const first = await upload(service, png, { fileName: 'dot.png', headers })
  t.equal(first.status, 201)
  const again = await upload(service, png, { fileName: 'dot.png', headers })
  t.equal(again.status, 201)
  t.equal(again.headers['idempotent-replayed'], 'true')
  t.equal(again.id, first.id)
  t.equal(again.headers.location, first.headers.location)
  for (const other of [
    await upload(service, pdf(300), { fileName: 'dot.png', headers }),
    await upload(service, png, { fileName: 'other.png', headers }),
    await upload(service, Buffer.concat([png, Buffer.alloc(1)]), { fileName: 'dot.png', headers }),
  ]) {
    t.equal(other.status, 422)
    t.equal(other.code, 'idempotency_mismatch')
  }
  t.equal(storedFiles(service).length, 1)
  t.ok((await content(service, first.id)).bytes.equals(png))

  const several = await Promise.all(
    [1, 2, 3].map(() => upload(service, png, { headers: { 'idempotency-key': 'upload-2' } })),
  )
  for (const one of several) t.ok([201, 409].includes(one.status), String(one.status))
  t.equal(new Set(several.filter((one) => one.status === 201).map((one) => one.id)).size, 1)
  t.equal(storedFiles(service).length, 2)
})

t.test('who may not upload is refused before a byte is read; who may, does so in their own unit', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { request } = service
  const other = (await request('POST', '/v1/business-units', { body: { name: 'North' } })).id
  const manager = await service.member('manager')
  const agent = await service.member('agent', { businessUnitIds: [other] })
  const refused = await upload(service, png, { token: manager.token })
  t.equal(refused.status, 403)
  t.equal((await upload(service, png, { token: 'nonsense' })).status, 401)
  t.same(storedFiles(service), [])

  const made = await upload(service, png, { token: agent.token })
  t.equal(made.status, 201)
  t.match(made.body, { businessUnitId: other, uploadedBy: agent.id })
  const [unit] = (await request('GET', '/v1/business-units?isDefault=true')).data
  const foreign = await upload(service, png, { token: agent.token, fields: { businessUnitId: unit?.id ?? '' } })
  t.equal(foreign.status, 422)
  t.equal(storedFiles(service).length, 1)
  t.equal((await upload(service, png, { fields: { businessUnitId: other } })).string('businessUnitId'), other)
})

t.test('a name is kept as it was meant, without its path and without tricks', async (t) => {
  const cases: [string | null, string | null][] = [
    ['invoice.pdf', 'invoice.pdf'],
    ['請求書 (1).pdf', '請求書 (1).pdf'],
    ['C:\\Users\\me\\a.txt', 'a.txt'],
    ['../../etc/passwd', 'passwd'],
    ['a\u0000b\r\n.txt', 'ab.txt'],
    ['photo\u202Egpj.exe', 'photogpj.exe'],
    ['u\u0308.txt', 'ü.txt'],
    ['half\uD800.txt', 'half\uFFFD.txt'],
    ['..', null],
    ['/', null],
    ['  ', null],
    [null, null],
    [`${'a'.repeat(300)}.pdf`, `${'a'.repeat(251)}.pdf`],
    [`${'😀'.repeat(200)}.pdf`, `${'😀'.repeat(125)}.pdf`],
  ]
  for (const [given, kept] of cases) t.equal(cleanFileName(given), kept, JSON.stringify(given)?.slice(0, 40))
  const service = await startTestService(t, { listen: true })
  t.equal((await upload(service, png, { fileName: '写真 Müller.png' })).string('fileName'), '写真 Müller.png')
})
