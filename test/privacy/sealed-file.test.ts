import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { FileDamaged, openFile, sealedSize, sealedSpan, sealFile } from '../../src/privacy/sealed-file.ts'

const chunk = 65_536
const sealedChunk = chunk + 16
const key = randomBytes(32)

async function gathered(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** As a stream brings it: in pieces of any size. */
async function* inPieces(bytes: Buffer, pieceBytes = chunk): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

const seal = (bytes: Buffer, pieceBytes?: number): Promise<Buffer> =>
  gathered(sealFile(inPieces(bytes, pieceBytes), key, 'a file'))

const open = (
  sealed: Buffer,
  size: number,
  { start = 0, end = size - 1, context = 'a file', with: other = key, pieceBytes = chunk } = {},
): Promise<Buffer> => {
  const span = sealedSpan(size, start, end)
  const bytes = inPieces(sealed.subarray(span.start, span.end + 1), pieceBytes)
  return gathered(openFile(bytes, other, context, { size, start, end }))
}

const sizes = [1, 2, 4096, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1, 5 * chunk - 7]

t.test('what is sealed opens again, whatever the pieces it comes in', async (t) => {
  for (const size of sizes) {
    const bytes = randomBytes(size)
    const sealed = await seal(bytes, 7001)
    t.equal(sealed.length, sealedSize(size), `${size} bytes: its size is known beforehand`)
    t.ok((await open(sealed, size, { pieceBytes: 1009 })).equals(bytes), `${size} bytes`)
    t.ok((await seal(bytes, 200_000)).equals(sealed), 'the pieces make no difference')
  }
})

t.test('any range opens from the chunks that hold it alone', async (t) => {
  const size = 4 * chunk + 321
  const bytes = randomBytes(size)
  const sealed = await seal(bytes)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(size - 1),
      fc.nat(size - 1),
      fc.integer({ min: 500, max: 100_000 }),
      async (a, b, pieceBytes) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)]
        const got = await open(sealed, size, { start, end, pieceBytes })
        return got.equals(bytes.subarray(start, end + 1))
      },
    ),
    { numRuns: 60 },
  )
  t.same(sealedSpan(size, chunk, 2 * chunk - 1), { start: 1 + sealedChunk, end: 2 * sealedChunk })
})

t.test('a file that was changed, cut, reordered or exchanged does not open', async (t) => {
  const size = 3 * chunk + 10
  const bytes = randomBytes(size)
  const sealed = await seal(bytes)
  const part = (i: number): Buffer => sealed.subarray(1 + i * sealedChunk, 1 + (i + 1) * sealedChunk)
  const format = sealed.subarray(0, 1)
  const damaged: Record<string, Buffer> = {
    'another format': Buffer.concat([Buffer.from([2]), sealed.subarray(1)]),
    'two chunks exchanged': Buffer.concat([format, part(1), part(0), part(2), part(3)]),
    'a chunk repeated': Buffer.concat([format, part(0), part(0), part(2), part(3)]),
    'the last byte gone': sealed.subarray(0, -1),
    'the last chunk gone': sealed.subarray(0, -26),
    'nothing left': Buffer.alloc(0),
    'a chunk of a file with the same key': await gathered(sealFile(inPieces(bytes), key, 'another file')),
  }
  for (const [what, other] of Object.entries(damaged))
    await t.rejects(
      gathered(openFile(inPieces(other), key, 'a file', { size, start: 0, end: size - 1 })),
      FileDamaged,
      what,
    )
  await t.rejects(open(sealed, size, { context: 'another file' }), FileDamaged, 'another context')
  await t.rejects(open(sealed, size, { with: randomBytes(32) }), FileDamaged, 'another key')
  const longer = inPieces(Buffer.concat([sealed, Buffer.alloc(5)]))
  await t.rejects(
    gathered(openFile(longer, key, 'a file', { size, start: 0, end: size - 1 })),
    FileDamaged,
    'bytes added',
  )

  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), fc.nat(7), async (at, bit) => {
      const flipped = Buffer.from(sealed)
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << bit), at)
      return open(flipped, size).then(
        () => false,
        (error: unknown) => error instanceof FileDamaged,
      )
    }),
    { numRuns: 40 },
  )
})

t.test('a file cut after a whole chunk is not taken for a shorter one', async (t) => {
  const sealed = await seal(randomBytes(2 * chunk))
  // Even by whoever believes the size that would fit: the chunk knows that it is not the last.
  await t.rejects(open(sealed.subarray(0, 1 + sealedChunk), chunk), FileDamaged)
})

t.test('no byte of a damaged chunk is given out, the genuine ones before it are', async (t) => {
  const size = 3 * chunk
  const bytes = randomBytes(size)
  const sealed = await seal(bytes)
  const flipped = Buffer.from(sealed)
  flipped.writeUInt8(flipped.readUInt8(1 + sealedChunk + 5) ^ 1, 1 + sealedChunk + 5)
  const got: Buffer[] = []
  await t.rejects(async () => {
    for await (const piece of openFile(inPieces(flipped), key, 'a file', { size, start: 0, end: size - 1 }))
      got.push(piece)
  }, FileDamaged)
  t.ok(Buffer.concat(got).equals(bytes.subarray(0, chunk)))
})
