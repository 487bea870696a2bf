import t from 'tap'
import { byteRange } from '../../src/http/byte-range.ts'

t.test('a range is what RFC 9110 says it is', async (t) => {
  const size = 1000
  const cases: [string | undefined, ReturnType<typeof byteRange>][] = [
    [undefined, null],
    ['bytes=0-499', { start: 0, end: 499 }],
    ['bytes=500-', { start: 500, end: 999 }],
    ['bytes=-200', { start: 800, end: 999 }],
    ['bytes=-5000', { start: 0, end: 999 }],
    ['bytes=990-5000', { start: 990, end: 999 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['Bytes=1-2', { start: 1, end: 2 }],
    ['bytes=1000-', 'unsatisfiable'],
    ['bytes=1000-2000', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    // Not understood, or several at once: all of it.
    ['bytes=5-2', null],
    ['bytes=0-1,5-6', null],
    ['bytes=-', null],
    ['bytes=a-b', null],
    ['items=0-1', null],
    ['bytes=0-99999999999999999999', null],
    ['', null],
  ]
  for (const [header, expected] of cases) t.same(byteRange(header, size), expected, String(header))
})
