import fc from 'fast-check'
import t from 'tap'
import { formPartsOf, textOf } from '../../src/channels/form-data.ts'

const multipart = (boundary: string) => ({ 'content-type': `multipart/form-data; boundary=${boundary}` })

t.test('what browsers write is read back: names, values and files of any bytes', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string(), fc.option(fc.uint8Array())), { maxLength: 5 }),
      async (fields) => {
        const data = new FormData()
        for (const [name, value, bytes] of fields) {
          if (bytes === null) data.append(name, value)
          else data.append(name, new File([new Uint8Array(bytes)], `${value}.bin`, { type: 'application/x-test' }))
        }
        const response = new Response(data)
        const headers = { 'content-type': response.headers.get('content-type') ?? '' }
        const parts = formPartsOf(headers, Buffer.from(await response.arrayBuffer())) ?? []
        const expected = [...data].map(([name, value]) => [name, typeof value === 'string' ? value : value.name])
        const found = parts.map(({ name, bytes, filename }) => [name, filename ?? textOf(bytes)])
        const same = fields.every(
          ([, , bytes], i) => bytes === null || Buffer.from(bytes).equals(parts[i]?.bytes ?? Buffer.of(1, 2)),
        )
        // Line ends are normalised by whoever writes, NUL is not storable.
        const plain = (rows: (string | undefined)[][]) => JSON.stringify(rows).replaceAll(/\\r\\n|\\r|\\n|\\u0000/g, '')
        return same && plain(found) === plain(expected)
      },
    ),
    { numRuns: 300 },
  )
  t.pass('300 forms')
})

t.test('no bytes make it throw or take long', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isMultipart) => {
      const marked = Buffer.concat([
        Buffer.from('--b\r\nContent-Disposition: form-data; name="'),
        bytes,
        Buffer.from('--b'),
      ])
      const headers = isMultipart ? multipart('b') : { 'content-type': 'application/x-www-form-urlencoded' }
      formPartsOf(headers, Buffer.from(bytes))
      return Array.isArray(formPartsOf(headers, marked))
    }),
    { numRuns: 1_000 },
  )
  for (const evil of [
    `--b\r\nContent-Disposition: form-data; name="${'\\" '.repeat(100_000)}`,
    '--b\n'.repeat(200_000),
    `--b\r\n${'X: y\r\n '.repeat(100_000)}\r\n\r\n`,
    '--'.repeat(400_000),
    `--b${' '.repeat(500_000)}x`,
  ]) {
    const started = performance.now()
    formPartsOf(multipart('b'), Buffer.from(evil))
    formPartsOf({ 'content-type': 'application/x-www-form-urlencoded' }, Buffer.from(evil))
    t.ok(
      performance.now() - started < 1_000,
      `${evil.slice(0, 12)}… took ${Math.round(performance.now() - started)} ms`,
    )
  }
})

t.test('a boundary is one only where it is a whole line', async (t) => {
  const body =
    '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\none --b two\r\n--bb\r\n--b\r\nContent-Disposition: form-data; name="c"\r\n\r\nd\r\n--b--\r\n--b\r\nContent-Disposition: form-data; name="late"\r\n\r\nx\r\n--b--'
  const parts = formPartsOf(multipart('b'), Buffer.from(body)) ?? []
  t.strictSame(
    parts.map(({ name, bytes }) => [name, bytes.toString()]),
    [
      ['a', 'one --b two\r\n--bb'],
      ['c', 'd'],
    ],
  )
  t.equal(formPartsOf({ 'content-type': 'multipart/form-data' }, Buffer.from('x')), undefined)
  t.equal(formPartsOf({ 'content-type': 'application/json' }, Buffer.from('{}')), undefined)
})
