import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { content, pdf, storedFiles, upload } from './fixtures.ts'

const chunk = 65_536

t.test(
  'a stored file that was changed, cut, exchanged or lost answers 503, is logged, and gives out nothing',
  async (t) => {
    const service = await startTestService(t, { listen: true })
    const { id } = await upload(service, pdf(50_000))
    const [file] = storedFiles(service)
    if (!file) throw new Error('nothing is stored')
    await upload(service, pdf(50_000))
    const other = storedFiles(service).find((one) => one.path !== file.path)?.bytes
    if (!other) throw new Error('nothing else is stored')
    const flipped = Buffer.from(file.bytes)
    flipped.writeUInt8(flipped.readUInt8(25_000) ^ 1, 25_000)
    const damages: Record<string, () => void> = {
      'a bit flipped': () => writeFileSync(file.path, flipped),
      'cut by a byte': () => truncateSync(file.path, file.bytes.length - 1),
      'cut to nothing': () => truncateSync(file.path, 0),
      'a byte longer': () => writeFileSync(file.path, Buffer.concat([file.bytes, Buffer.alloc(1)])),
      'another file in its place': () => writeFileSync(file.path, other),
      lost: () => rmSync(file.path),
    }
    for (const [what, damage] of Object.entries(damages)) {
      writeFileSync(file.path, file.bytes)
      t.equal((await content(service, id)).status, 200)
      damage()
      const before = service.logs.length
      const got = await content(service, id)
      t.equal(got.status, 503, what)
      t.match(JSON.parse(got.bytes.toString()), { code: 'unavailable' }, what)
      t.notOk(got.bytes.includes('canary'), what)
      t.notOk(/stack|Error|\/tmp/.test(got.bytes.toString()), what)
      t.match(service.logs.slice(before).join(''), /"level":"error".*"type":"FileDamaged","code":"file_/, what)
      t.equal((await content(service, id, { headers: { range: 'bytes=10-20' } })).status, 503, `${what}: a range`)
    }
  },
)

t.test('a large file that is damaged further on breaks off before the damage', async (t) => {
  const service = await startTestService(t, { listen: true })
  const bytes = pdf(5 * chunk)
  const { id } = await upload(service, bytes)
  const [file] = storedFiles(service)
  if (!file) throw new Error('nothing is stored')
  const at = 1 + 3 * (chunk + 16) + 7
  file.bytes.writeUInt8(file.bytes.readUInt8(at) ^ 1, at)
  writeFileSync(file.path, file.bytes)
  const response = await fetch(`${service.url}/v1/attachments/${id}/content`, {
    headers: { authorization: `Bearer ${service.ownerToken}` },
  })
  t.equal(response.status, 200)
  const got: Uint8Array[] = []
  await t.rejects(async () => {
    for await (const piece of response.body ?? []) got.push(piece)
  }, 'the sender is heard to have failed')
  const all = Buffer.concat(got)
  t.ok(all.length <= 3 * chunk)
  t.ok(all.equals(bytes.subarray(0, all.length)), 'what came is genuine')
  // Its whole parts can still be had.
  const range = await content(service, id, { headers: { range: `bytes=0-${3 * chunk - 1}` } })
  t.ok(range.bytes.equals(bytes.subarray(0, 3 * chunk)))
  t.equal((await content(service, id, { headers: { range: `bytes=${3 * chunk}-` } })).status, 503)
})

t.test('a file whose key is gone cannot be had', async (t) => {
  const service = await startTestService(t, { listen: true })
  const { id } = await upload(service, pdf(500))
  await service.sql('UPDATE app.attachment SET wrapped_key = (SELECT wrapped_key FROM app.tenant LIMIT 1)')
  const got = await content(service, id)
  t.equal(got.status, 503)
  t.notOk(got.bytes.includes('canary'))
})
