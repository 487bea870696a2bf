import { randomBytes, randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { BucketFault } from '../../src/privacy/bucket-client.ts'
import { BucketStore } from '../../src/privacy/bucket-store.ts'
import { DiskFileStore, fileNameFor } from '../../src/privacy/file-store.ts'
import { FileStoreAway } from '../../src/privacy/file-store-away.ts'
import { answered, type Fault, type S3Double, s3Double } from './s3-double.ts'

const tenantId = randomUUID()
const patience = { answerMs: 300, delaysMs: [1, 1], wholeMs: 2_000 }

interface Owner {
  testdir(): string
  teardown(end: () => Promise<void>): unknown
}

async function storeOn(t: Owner): Promise<{ store: BucketStore; bucket: S3Double; spool: string }> {
  const bucket = await s3Double(t)
  const spool = join(t.testdir(), 'spool')
  return { store: new BucketStore(bucket, spool, patience), bucket, spool }
}

async function all(source: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of source ?? []) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** The code of what the store says is the matter. */
async function codeOf(doing: Promise<unknown>): Promise<string> {
  try {
    await doing
    return 'none'
  } catch (error) {
    if (!(error instanceof FileStoreAway)) throw error
    const { cause } = error.options
    return cause instanceof BucketFault ? cause.code : String(cause)
  }
}

const cutOff: Fault = (_seen, response) => {
  response.writeHead(206, { 'content-range': 'bytes 0-99/100', 'content-length': '100' })
  response.write(Buffer.alloc(40), () => response.destroy())
}
const silent: Fault = () => true
const dropped: Fault = (_seen, response) => response.destroy()

t.test('a file is read back, in parts too, and is gone when it was removed', async (t) => {
  const { store, bucket, spool } = await storeOn(t)
  const id = randomUUID()
  const name = fileNameFor(id)
  // More than one piece, of a length that nobody knows before its end.
  const bytes = randomBytes(300_000)
  const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 200_000), bytes.subarray(200_000)]
  await store.write(tenantId, name, Readable.from(pieces))
  t.same([...bucket.objects.keys()], [`${tenantId}/${id.slice(-2)}/${name}`], 'as on the disk')
  t.same(readdirSync(spool), [], 'nothing stays on the disk')
  const whole = await store.read(tenantId, name, 0, 299_999)
  t.equal(whole?.size, 300_000)
  t.ok((await all(whole?.bytes)).equals(bytes))
  const part = await store.read(tenantId, name, 65_537, 70_000)
  t.equal(part?.size, 300_000)
  t.ok((await all(part?.bytes)).equals(bytes.subarray(65_537, 70_001)))
  t.ok((await all((await store.read(tenantId, name, 299_000, 999_999))?.bytes)).equals(bytes.subarray(299_000)))
  t.same(await all((await store.read(tenantId, name, 400_000, 400_001))?.bytes), Buffer.alloc(0), 'beyond its end')
  await store.remove(tenantId, name)
  t.equal(await store.read(tenantId, name, 0, 1), null)
  await store.remove(tenantId, name)
  bucket.faults.push(answered(404, 'NoSuchKey'))
  await store.remove(tenantId, name)
  t.same(bucket.unsigned, [])
})

t.test('what lay on the disk is found in the bucket once it was copied there', async (t) => {
  const { store, bucket } = await storeOn(t)
  const folder = join(t.testdir({ files: {} }), 'files')
  const disk = new DiskFileStore(folder)
  const name = fileNameFor(randomUUID())
  await disk.write(tenantId, name, Readable.from([Buffer.from('hello')]))
  const [path = ''] = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith(name))
  bucket.objects.set(path, { bytes: Buffer.from('hello'), at: new Date() })
  t.equal(String(await all((await store.read(tenantId, name, 0, 4))?.bytes)), 'hello')
})

t.test('a write whose source fails leaves nothing, and fails with the source’s own words', async (t) => {
  const { store, bucket, spool } = await storeOn(t)
  const breaking = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.alloc(100_000)
    throw new RangeError('the line broke')
  }
  await t.rejects(store.write(tenantId, fileNameFor(randomUUID()), breaking()), RangeError)
  t.same([bucket.seen.length, readdirSync(spool)], [0, []])
})

t.test('a bucket that stumbles is asked again, with all of the bytes', async (t) => {
  const { store, bucket } = await storeOn(t)
  const stumbles: Fault[] = [
    answered(500, 'InternalError'),
    answered(503, 'SlowDown'),
    answered(429, 'TooManyRequests'),
    answered(400, 'RequestTimeout'),
    dropped,
    silent,
  ]
  for (const stumble of stumbles) {
    const name = fileNameFor(randomUUID())
    const bytes = randomBytes(100_000)
    bucket.faults.push(stumble)
    await store.write(tenantId, name, Readable.from([bytes]))
    bucket.faults.push(stumble)
    const found = await store.read(tenantId, name, 0, 99_999)
    t.ok((await all(found?.bytes)).equals(bytes))
    bucket.faults.push(stumble)
    await store.remove(tenantId, name)
  }
  t.equal(bucket.seen.length, stumbles.length * 6)
  t.same([bucket.unsigned, bucket.objects.size], [[], 0])
})

t.test('a bucket that is away is told from a file that is not there', async (t) => {
  const { store, bucket } = await storeOn(t)
  const name = fileNameFor(randomUUID())
  const source = (): Readable => Readable.from([Buffer.from('x')])
  const cases: [fault: Fault, code: string, attempts: number][] = [
    [answered(500, 'InternalError'), 'InternalError', 3],
    [answered(503, 'SlowDown'), 'SlowDown', 3],
    [dropped, 'UND_ERR_SOCKET', 3],
    // What does not pass is asked once.
    [answered(403, 'AccessDenied'), 'AccessDenied', 1],
    [answered(404, 'NoSuchBucket'), 'NoSuchBucket', 1],
    [answered(301, 'PermanentRedirect'), 'PermanentRedirect', 1],
    [(_seen, response) => response.writeHead(404).end('<html>a proxy</html>'), 'http_404', 1],
  ]
  for (const [fault, code, attempts] of cases) {
    bucket.always = fault
    const asked = bucket.seen.length
    t.equal(await codeOf(store.read(tenantId, name, 0, 1)), code)
    t.equal(bucket.seen.length - asked, attempts, code)
    t.equal(await codeOf(store.write(tenantId, name, source())), code)
    t.equal(await codeOf(store.remove(tenantId, name)), code)
    t.equal(await codeOf(store.list(tenantId).next()), code)
  }
  bucket.always = silent
  t.equal(await codeOf(store.read(tenantId, name, 0, 1)), 'UND_ERR_HEADERS_TIMEOUT')
  bucket.always = undefined
  t.equal(await store.read(tenantId, name, 0, 1), null)
  const gone = new BucketStore({ ...bucket, secret: 'another' }, t.testdirName, patience)
  t.equal(await codeOf(gone.read(tenantId, name, 0, 1)), 'SignatureDoesNotMatch')
  await bucket.close()
  t.equal(await codeOf(store.read(tenantId, name, 0, 1)), 'ECONNREFUSED')
  const error = await store.write(tenantId, name, source()).catch((one: unknown) => one)
  t.match(error, { status: 503, code: 'unavailable', options: { headers: { 'retry-after': '5' } } })
})

t.test('bytes that end early or stop coming are a fault, never a short file', async (t) => {
  const { store, bucket } = await storeOn(t)
  const name = fileNameFor(randomUUID())
  bucket.faults.push(cutOff)
  const cut = await store.read(tenantId, name, 0, 99)
  t.equal(cut?.size, 100)
  t.equal(await codeOf(all(cut?.bytes)), 'UND_ERR_SOCKET')
  bucket.faults.push((_seen, response) => {
    response.writeHead(206, { 'content-range': 'bytes 0-99/100', 'content-length': '100' }).write(Buffer.alloc(40))
  })
  const stopped = await store.read(tenantId, name, 0, 99)
  t.equal(await codeOf(all(stopped?.bytes)), 'UND_ERR_BODY_TIMEOUT')
  bucket.faults.push((_seen, response) => response.writeHead(200).end(Buffer.alloc(100)))
  t.equal(await codeOf(store.read(tenantId, name, 5, 9)), 'no_range', 'the whole file is not the range')
  // Nobody has to read what they have asked for.
  await store.write(tenantId, name, Readable.from([randomBytes(5_000_000)]))
  for (let i = 0; i < 3; i++) (await store.read(tenantId, name, 0, 4_999_999))?.bytes.destroy()
  t.equal((await store.read(tenantId, name, 0, 9))?.size, 5_000_000)
})

t.test('the list goes on to its end, and leaves alone what is not its own', async (t) => {
  const { store, bucket } = await storeOn(t)
  const names = Array.from({ length: 7 }, () => fileNameFor(randomUUID())).sort()
  for (const name of names) await store.write(tenantId, name, Readable.from([Buffer.from('1')]))
  const old = bucket.objects.get(`${tenantId}/${names[0]?.slice(34, 36)}/${names[0]}`)
  if (old) old.at = new Date(Date.now() - 7_200_000)
  await store.write(randomUUID(), fileNameFor(randomUUID()), Readable.from([Buffer.from('another tenant’s')]))
  const foreign = { bytes: Buffer.from('x'), at: new Date(0) }
  for (const key of ['readme.txt', `ff/${names[1]}`, `${names[1]}`, 'aa/&'])
    bucket.objects.set(`${tenantId}/${key}`, foreign)
  for (bucket.pageSize of [1_000, 2, 1]) {
    const listed: { name: string; ageMs: number; whole: boolean }[] = []
    for await (const one of store.list(tenantId)) listed.push(one)
    t.same(listed.map((one) => one.name).sort(), names)
    t.ok(
      listed.every(({ name, ageMs, whole }) => whole && Math.abs(ageMs - (name === names[0] ? 7_200_000 : 0)) < 60_000),
    )
  }
  bucket.always = (_seen, response) => response.end('<html>Welcome</html>')
  t.equal(await codeOf(store.list(tenantId).next()), 'no_list')
  t.same(bucket.unsigned, [])
})

t.test('nothing but ids becomes a key', async (t) => {
  const { store, bucket } = await storeOn(t)
  const name = fileNameFor(randomUUID())
  for (const [tenant, file] of [
    ['../other', name],
    [tenantId, '../secret'],
    [tenantId, `${name}/x`],
    ['', name],
  ] as const) {
    await t.rejects(store.read(tenant, file, 0, 1), /not the name of a stored file/)
    await t.rejects(store.remove(tenant, file), /not the name of a stored file/)
    await t.rejects(store.write(tenant, file, Readable.from([])), /not the name of a stored file/)
  }
  t.equal(bucket.seen.length, 0)
})

t.test('its check says what is wrong with the bucket', async (t) => {
  const { store, bucket } = await storeOn(t)
  await store.check()
  bucket.always = answered(403, 'InvalidAccessKeyId')
  await t.rejects(store.check(), { code: 'InvalidAccessKeyId' })
})
