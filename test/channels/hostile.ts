import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../src/channels/json.ts'
import { text } from './bodies.ts'

/** What patterns repeat, look ahead for, or look for the end of. */
const pieces = [
  ...['a', 'A', 'aA', '0', '-', '_', '.', ',', ';', ':', '/', '\\', '"', "'", '@', '&', '=', '%', '+', '#', '*', '|'],
  ...[' ', '\t', '\n', '\r\n', '\u00a0', '\u0301', '\u200d', '😀', 'ß', 'ﷺ', 'ा', '漢', '\ud800', '\0'],
  ...['a.', 'a@', '@a.', '1 ', '1-', '+1', '%41', '%', '://', 'http://', 'https://a.', '<a ', '<', '(', ')', '[url='],
  ...[
    '{"a":',
    '[',
    '";',
    '; filename="',
    '--b\r\n',
    '\r\n ',
    'q1_',
    'a, b:',
    ': ',
    '/start ',
    'data:,',
    'a_',
    '=?',
    '?=',
  ],
]

/** Texts that a pattern which tries again and again takes for ever over: a piece many times, between others. */
export const pumped: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('', ...pieces),
    fc.constantFrom(...pieces),
    fc.constantFrom(2, 40, 1_000, 20_000, 100_000),
    fc.constantFrom('', '!', ...pieces),
  )
  .map(([head, piece, times, tail]) => `${head}${piece.repeat(times)}${tail}`)

/** Mostly ordinary, now and then one of those. */
export const hostileText = fc.oneof({ weight: 30, arbitrary: text }, { weight: 1, arbitrary: pumped })

const many = fc.constantFrom(2, 50, 3_000, 40_000)
/** Of all of them together. */
const bulkBytesMax = 1_000_000

/** How many there can be of one. */
const timesOf = (item: JsonValue, times: number): number =>
  Math.max(1, Math.min(times, Math.floor(bulkBytesMax / JSON.stringify(item).length)))

/** As many of one thing as nobody sends. */
export const bulk = (one: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonValue[]> =>
  fc.tuple(one, many).map(([item, times]) => Array.from({ length: timesOf(item, times) }, () => item))

/** As many members with one value, whose names are alike. */
export const bulkMembers = (name: fc.Arbitrary<string>, one: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> =>
  fc
    .tuple(name, one, many)
    .map(([word, value, times]) =>
      Object.fromEntries(
        Array.from({ length: timesOf([word, value], times) }, (_, i): [string, JsonValue] => [`${word}${i}`, value]),
      ),
    )
