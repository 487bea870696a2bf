import fc from 'fast-check'
import t from 'tap'
import { contentDisposition } from '../../src/http/content-disposition.ts'

t.test('a name is given in ASCII, and as it is where that differs', async (t) => {
  const cases: [string | null, string][] = [
    [null, 'attachment'],
    ['', 'attachment'],
    ['invoice 1.pdf', 'attachment; filename="invoice 1.pdf"'],
    ["it's.pdf", `attachment; filename="it's.pdf"`],
    ['Müller.pdf', `attachment; filename="M_ller.pdf"; filename*=UTF-8''M%C3%BCller.pdf`],
    ['請求書.pdf', `attachment; filename="___.pdf"; filename*=UTF-8''%E8%AB%8B%E6%B1%82%E6%9B%B8.pdf`],
    ['a"b\\c.txt', `attachment; filename="a_b_c.txt"; filename*=UTF-8''a%22b%5Cc.txt`],
    ['100%.txt', `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`],
    ["(a)*'ü", `attachment; filename="(a)*'_"; filename*=UTF-8''%28a%29%2A%27%C3%BC`],
  ]
  for (const [name, expected] of cases) t.equal(contentDisposition('attachment', name), expected)
  t.equal(contentDisposition('inline', 'a.png'), 'inline; filename="a.png"')
})

t.test('no name breaks out of the header, and every name can be read back', async () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
      const header = contentDisposition('attachment', name)
      if (!/^attachment; filename="[^"\\%/\r\n]*"(?:; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]+)?$/.test(header))
        return false
      const [, extended] = /''(.*)$/.exec(header.split('; filename*=')[1] ?? '') ?? []
      const [, plain] = /filename="([^"]*)"/.exec(header) ?? []
      return (extended === undefined ? plain : decodeURIComponent(extended)) === name
    }),
  )
})
