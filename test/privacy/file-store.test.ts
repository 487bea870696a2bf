import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { DiskFileStore, fileNameFor, type Listed, recordOf } from '../../src/privacy/file-store.ts'

const tenantId = randomUUID()

function storeIn(t: { testdir(): string }): { store: DiskFileStore; folder: string; files: () => string[] } {
  const folder = join(t.testdir(), 'files')
  const files = (): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((one) => (one.isFile() ? [one.name] : []))
  return { store: new DiskFileStore(folder), folder, files }
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

t.test('a file is read back, in parts too, and is gone when it was removed', async (t) => {
  const { store, folder } = storeIn(t)
  const id = randomUUID()
  const name = fileNameFor(id)
  t.equal(recordOf(name), id)
  t.not(fileNameFor(id), name, 'every version has a name of its own')
  await store.write(tenantId, name, Readable.from([Buffer.from('hello '), Buffer.from('world')]))
  const whole = await store.read(tenantId, name, 0, 10)
  t.equal(whole?.size, 11)
  t.equal(Buffer.concat(await all(whole?.bytes ?? Readable.from([]))).toString(), 'hello world')
  const part = await store.read(tenantId, name, 6, 8)
  t.equal(part?.size, 11)
  t.equal(Buffer.concat(await all(part?.bytes ?? Readable.from([]))).toString(), 'wor')
  t.equal(statSync(join(folder, tenantId, id.slice(-2), name)).mode & 0o777, 0o600)
  t.equal(statSync(join(folder, tenantId, id.slice(-2))).mode & 0o777, 0o700)
  await store.remove(tenantId, name)
  t.equal(await store.read(tenantId, name, 0, 1), null)
  await store.remove(tenantId, name)
})

t.test('a write that fails leaves nothing', async (t) => {
  const { store, files } = storeIn(t)
  const breaking = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.alloc(100_000)
    throw new Error('the line broke')
  }
  await t.rejects(store.write(tenantId, fileNameFor(randomUUID()), breaking()), /the line broke/)
  t.same(files(), [])
})

t.test('a file has no name before it is whole', async (t) => {
  const { store, files } = storeIn(t)
  const name = fileNameFor(randomUUID())
  const seen: string[][] = []
  const slow = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.alloc(100_000)
    seen.push(files())
    yield Buffer.alloc(10)
  }
  await store.write(tenantId, name, slow())
  t.same(seen, [[`.${name}.draft`]])
  t.same(files(), [name])
})

t.test('the list tells whole files from drafts, and leaves alone what is not its own', async (t) => {
  const { store, folder } = storeIn(t)
  const [one, two] = [fileNameFor(randomUUID()), fileNameFor(randomUUID())]
  await store.write(tenantId, one, Readable.from([Buffer.from('1')]))
  mkdirSync(join(folder, tenantId, two.slice(34, 36)), { recursive: true })
  writeFileSync(join(folder, tenantId, two.slice(34, 36), `.${two}.draft`), 'half')
  writeFileSync(join(folder, tenantId, two.slice(34, 36), 'notes.txt'), 'mine')
  const listed = (await all<Listed>(store.list(tenantId))).map(({ name, whole }) => ({ name, whole }))
  t.same(
    listed.sort((a, b) => Number(a.whole) - Number(b.whole)),
    [
      { name: two, whole: false },
      { name: one, whole: true },
    ],
  )
  await store.remove(tenantId, two)
  t.same((await all<Listed>(store.list(tenantId))).length, 1)
  t.same(await all(store.list(randomUUID())), [])
})

t.test('nothing but ids makes a path', async (t) => {
  const { store } = storeIn(t)
  const name = fileNameFor(randomUUID())
  for (const [tenant, file] of [
    ['..', name],
    [tenantId, '../../etc/passwd'],
    [tenantId, `${name}/..`],
    [tenantId, name.toUpperCase()],
    ['', name],
  ] as const) {
    await t.rejects(store.read(tenant, file, 0, 1), /not the name/)
    await t.rejects(store.write(tenant, file, Readable.from([])), /not the name/)
  }
})
