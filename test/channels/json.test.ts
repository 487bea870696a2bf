import fc from 'fast-check'
import t from 'tap'
import {
  camelCased,
  canonicalHash,
  cleanJson,
  type JsonValue,
  parseJson,
  textAt,
  wellFormed,
} from '../../src/channels/json.ts'

const parse = (text: string) => parseJson(Buffer.from(text))

t.test('NUL and lone surrogates never reach what is stored, in values or in keys', async (t) => {
  t.equal(wellFormed('a\0b'), 'ab')
  t.equal(wellFormed('cut \ud83d'), 'cut \ufffd')
  t.equal(wellFormed('whole 😀'), 'whole 😀')
  t.strictSame(parse('{"k\\u0000": ["x\\u0000y", {"n": "\\udc00"}]}'), { k: ['xy', { n: '\ufffd' }] })
})

t.test('an id beyond 2^53 keeps its digits, other numbers stay numbers', async (t) => {
  t.strictSame(parse('{"id": 12345678901234567890, "small": 42, "exact": 1669233778123456, "real": 1.5}'), {
    id: '12345678901234567890',
    small: 42,
    exact: 1669233778123456,
    real: 1.5,
  })
})

t.test('a key "__proto__" stays data', async (t) => {
  const value = parse('{"__proto__": {"polluted": true}}')
  t.equal(textAt(value, 'polluted'), undefined)
  t.equal(({} as Record<string, unknown>).polluted, undefined)
  t.equal(textAt({ a: 1 }, 'constructor'), undefined, 'inherited members are not read')
})

t.test('nesting beyond 64 levels is refused instead of overflowing the stack', async (t) => {
  t.not(parse('['.repeat(60) + ']'.repeat(60)), undefined)
  t.equal(parse('['.repeat(100_000) + ']'.repeat(100_000)), undefined)
  t.equal(parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`), undefined)
})

t.test('what is not JSON is undefined, a BOM is passed over', async (t) => {
  for (const text of ['', 'hello', '{', '{"a":}', '\0']) t.equal(parse(text), undefined, JSON.stringify(text))
  t.strictSame(parse('\ufeff{"a":1}'), { a: 1 })
})

t.test('the canonical hash does not depend on the order of members and does on everything else', async (t) => {
  t.equal(canonicalHash({ a: 1, b: [{ x: 1, y: 2 }] }), canonicalHash({ b: [{ y: 2, x: 1 }], a: 1 }))
  t.not(canonicalHash([1, 2]), canonicalHash([2, 1]))
  t.not(canonicalHash({ a: '1' }), canonicalHash({ a: 1 }))
})

t.test('camelCase keeps every value', async (t) => {
  t.strictSame(camelCased({ message_template_id: 1, a: [{ wa_id: 'x' }] }), {
    messageTemplateId: 1,
    a: [{ waId: 'x' }],
  })
})

t.test('cleaning any JSON gives storable JSON, and cleaning it again changes nothing', async (t) => {
  const anyJson = fc.jsonValue({ maxDepth: 6, noUnicodeString: false }) as fc.Arbitrary<JsonValue>
  const nasty = fc.oneof(anyJson, fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })))
  let runs = 0
  fc.assert(
    fc.property(nasty, (value) => {
      runs += 1
      const once = cleanJson(value)
      if (once === undefined) return false
      const text = JSON.stringify(once)
      return text.isWellFormed() && !text.includes('\\u0000') && JSON.stringify(cleanJson(once)) === text
    }),
  )
  t.ok(runs >= 100)
})
