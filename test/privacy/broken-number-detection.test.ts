import t, { type Test } from 'tap'
import { veil } from '../../src/privacy/detection.ts'

type Case = [text: string, country: string | null, veiled: string]

const hides = (t: Test, cases: readonly Case[]): void => {
  for (const [text, country, veiled] of cases) t.equal(veil(text, country), veiled, `${country}: ${text}`)
}

t.test('lists, tables, times and amounts are no broken numbers', async (t) => {
  const kept = [
    '1, 2, 3, 4, 5, 6, 7, 8, 9, 10',
    '01, 02, 03, 04, 05',
    '01\n02\n03\n04\n05\n06',
    '100,200,300,400',
    '10 | 20 | 30 | 40 | 50',
    '1,234,567.89 EUR, 1.234,56 €, 1,234.56',
    "CHF 1'234'567.00",
    '10:30, 11:30, 12:45, 14:00',
    '09:00\n10:30\n11:15\n12:00',
    'Mo-Fr 08:00-17:00, Sa 09:00-12:00',
    '2026-11-22 10:30:00, 2026-11-23 11:30:00',
    '04109, 04103, 04105 Leipzig',
    '10115\n10117\n10119',
    'IMG_20261122_093000.jpg',
    '192.168.0.1:8080, 10.0.0.12',
    'v1.2.3, v4.5.6, 24.11.0',
    '52.520008,13.404954',
    '13.01587,48.73149',
    '00:01:23,456 --> 00:01:25,789',
    '00:11:22:33:44:55',
    '4500123456\n\n4500123457',
    'MT-12345678, MT-12345679',
    'INV-0012345678, RE-2026-000123, ORD_20261122_0001, SKU0123456789',
    '#4500123456',
    '34963\n39643\n93092',
    '30de418c1621248726e62c5b0f4a788667086955',
    'c0589356-b030-4414-968c-6031f9d7466e',
    'width:100%40, 5%40cm, user@host, look (at) home',
  ]
  for (const text of kept) t.equal(veil(text, 'DE'), null, text)
})

t.test('numbers are masked that a weak sign breaks', async (t) => {
  const signs = ['\n', '\r\n', '_', ',', ', ', ':', ';', "'", '|', ' | ', '*', '=', '=\n', '…', '、', '，', '\n> ']
  const dashes = ['\u2044', '\u2215', '\u2043', '\uFE63', '\u2E3A']
  for (const sign of [...signs, ...dashes, '<br>', '</b> ', '</p>\n<p class="x">', '&nbsp;']) {
    hides(t, [
      [`Ruf 0175${sign}6968618 an`, 'DE', 'Ruf +49••••••••18 an'],
      [`0175${sign}6968618`, null, '•••••••••18'],
      [`+49${sign}175${sign}6968618`, null, '+49••••••••18'],
      [`0049 175${sign}6968618`, null, '+49••••••••18'],
      [`22.11.2026 10:30, 0175${sign}6968618`, 'DE', '22.11.2026 10:30, +49••••••••18'],
      [`4111${sign}1111${sign}1111${sign}1111`, 'DE', '••••••••••••1111'],
    ])
  }
  hides(t, [
    ['49175\n6968618', null, '+49••••••••18'],
    ['49,175,6968618', null, '+49••••••••18'],
    ['212\n555-0123', 'US', '+12•••••••23'],
    ['411111111111\n1111', null, '••••••••••••1111'],
    ['<b>0170</b> 1234567', 'DE', '<b>+49••••••••67'],
    [
      '0170 1234567\n12 Stück, 0171 7654321, 10115 Berlin',
      'DE',
      '+49••••••••67\n12 Stück, +49••••••••21, 10115 Berlin',
    ],
    ['06,12,34,56,78', 'FR', '+33•••••••78'],
  ])
})

t.test('numbers right behind a letter or a sign, and beside a currency, are masked', async (t) => {
  hides(t, [
    ['Mein01701234567', 'DE', 'Mein+49••••••••67'],
    ['Mein01701234567', null, 'Mein•••••••••67'],
    ['x491701234567', null, 'x+49••••••••67'],
    ['ID-0170 1234567', 'DE', 'ID-+49••••••••67'],
    ['#01701234567', null, '#•••••••••67'],
    ['491701234567 EUR', 'DE', '+49••••••••67 EUR'],
    ['491701234567€', null, '+49••••••••67€'],
    ['€491701234567', null, '€+49••••••••67'],
  ])
})

t.test('numbers that are spelled digit by digit, or lack their zero, need no country', async (t) => {
  hides(t, [
    ['0 1 7 0 1 2 3 4 5 6 7', null, '•••••••••67'],
    ['01 70 12 34 56 7', null, '•••••••••67'],
    ['4 9 1 7 0 1 2 3 4 5 6 7', null, '+49••••••••67'],
    ['1701234567', null, '••••••••67'],
  ])
  for (const text of ['0 1 2 3 4 5 6 7 8 9', '1 2 3 4 5 6 7 8 9 10 11 12', '0 1 1 0 1 0 0 1 0 1'])
    t.equal(veil(text, null), null, text)
})

t.test('after very many numbers the broken ones are still masked', async (t) => {
  const lines = Array.from({ length: 3_000 }, (_, i) => `no 0170\n${1_000_000 + i} and 49170\n${1_000_000 + i}`)
  for (const country of ['DE', null]) t.notMatch(veil(lines.join(' x '), country), /\d{5}/)
})
