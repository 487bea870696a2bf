import { statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { content, pdf, png, storedFiles, upload } from './fixtures.ts'

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
  const headers = Object.fromEntries(got.headers)
  t.match(headers, {
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
  const rows = await service.sql('SELECT * FROM app.attachment')
  t.notMatch(JSON.stringify(rows), /canary/)
})
void png
