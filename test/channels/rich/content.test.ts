import fc from 'fast-check'
import t from 'tap'
import { type JsonValue, parseJson } from '../../../src/channels/json.ts'
import {
  contentOfRich,
  type Interactive,
  type RichContent,
  renderedCards,
  renderedLocation,
  richOf,
} from '../../../src/channels/rich/content.ts'
import { vcardOf } from '../../../src/channels/rich/vcard.ts'
import { card, cards, list, located, shop } from './fixtures.ts'

const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined })
const button = fc.oneof(fc.record({ id: words, title: words }), fc.record({ title: words, url: fc.webUrl() }))
const row = fc.record({ id: words, title: words, description: maybe(words) })
const section = fc.record({ title: maybe(words), rows: fc.array(row, { minLength: 1, maxLength: 4 }) })
const around = { header: maybe(words), footer: maybe(words) }
const interactive: fc.Arbitrary<Interactive> = fc.oneof(
  fc.record({ ...around, buttons: fc.array(button, { minLength: 1, maxLength: 5 }) }),
  fc.record({
    ...around,
    list: fc.record({ button: words, sections: fc.array(section, { minLength: 1, maxLength: 3 }) }),
  }),
)
const rich: fc.Arbitrary<RichContent> = fc.oneof(
  fc.record({
    type: fc.constant('interactive' as const),
    text: words,
    interactive,
  }),
  fc.record({
    type: fc.constant('location' as const),
    text: words,
    location: fc.record({
      latitude: fc.double({ min: -90, max: 90, noNaN: true }),
      longitude: fc.double({ min: -180, max: 180, noNaN: true }),
      name: maybe(words),
      address: maybe(words),
    }),
  }),
  fc.record({
    type: fc.constant('reaction' as const),
    text: words,
    reaction: fc.record({ emoji: fc.option(words, { nil: null }) }),
  }),
  fc.record({
    type: fc.constant('contacts' as const),
    text: words,
    contacts: fc.array(
      fc.record({ name: words, phones: fc.array(words), emails: fc.array(words), company: maybe(words) }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
)

const plain = (value: unknown) => JSON.parse(JSON.stringify(value))

t.test('what was stored is what is sent, through the database and back', async (t) => {
  fc.assert(
    fc.property(rich, (given) => {
      const stored = parseJson(Buffer.from(JSON.stringify(contentOfRich(given)))) ?? null
      t.strictSame(plain(richOf(given.type, stored, given.text)), plain(given))
    }),
    { numRuns: 300 },
  )
})

t.test('what was not stored by it is none of it, and nothing throws', async (t) => {
  const others: JsonValue[] = [null, {}, [], 'x', { buttons: [{}] }, { latitude: 'x' }, { contacts: [{ name: 'x' }] }]
  for (const type of ['interactive', 'location', 'contacts', 'reaction', 'text'])
    for (const content of others) t.equal(richOf(type, content, 'x'), null, `${type} ${JSON.stringify(content)}`)
})

t.test('places and cards are stored in the shape in which they come in', async (t) => {
  t.strictSame(contentOfRich(located(shop)), { latitude: 52.5, longitude: 13.4, ...shop })
  t.strictSame(contentOfRich(cards(card)), {
    contacts: [
      {
        name: { formattedName: 'Jo Berg' },
        phones: [{ phone: '+4917012345678' }],
        emails: [{ email: 'jo@example.com' }],
        org: { company: 'Outdoor; GmbH' },
      },
    ],
  })
  t.match(contentOfRich(list), { kind: 'list', text: 'Which size?', header: 'Shirts', list: { button: 'Sizes' } })
  t.equal(renderedLocation({ latitude: 1, longitude: 2 }), '[location] 1, 2')
  t.equal(renderedLocation({ latitude: 1, longitude: 2, ...shop }), '[location] Our shop, Alexanderplatz 1')
  t.equal(renderedCards([card, { ...card, name: 'Al' }]), '[contacts] Jo Berg, Al')
})

t.test('nothing in a card ends a line of its vCard', async (t) => {
  const lines = vcardOf({ ...card, name: 'Jo\r\nTEL:+1, "x"; \\' }).split('\r\n')
  t.strictSame(lines, [
    'BEGIN:VCARD',
    'VERSION:3.0',
    'N:Jo\\nTEL:+1\\, "x"\\; \\\\;;;;',
    'FN:Jo\\nTEL:+1\\, "x"\\; \\\\',
    'ORG:Outdoor\\; GmbH',
    'TEL:+4917012345678',
    'EMAIL:jo@example.com',
    'END:VCARD',
    '',
  ])
})
