import fc from 'fast-check'
import t, { type Test } from 'tap'
import { veil, veiledOf } from '../../src/privacy/detection.ts'

type Case = [text: string, country: string | null, veiled: string]

const hides = (t: Test, cases: readonly Case[]): void => {
  for (const [text, country, veiled] of cases) t.equal(veil(text, country), veiled, `${country}: ${text}`)
}

t.test('phone numbers are masked as people of many countries write them', async (t) => {
  hides(t, [
    ['Ruf an: 0170 1234567 oder +49 (0) 151 23456789', 'DE', 'Ruf an: +49••••••••67 oder +49••••••••••89'],
    ['Tel. 030/123456-78, Handy 1701234567', 'DE', 'Tel. +49••••••••78, Handy +49••••••••67'],
    ['Me liga (11) 98765-4321', 'BR', 'Me liga +55•••••••••21'],
    ['mi cel 55 1234 5678', 'MX', 'mi cel +52••••••••78'],
    ['98765 43210 / +91-98765-43210', 'IN', '+91••••••••10 / +91••••••••10'],
    ['我的电话13812345678谢谢，座机010-12345678', 'CN', '我的电话+86•••••••••78谢谢，座机+86••••••••78'],
    ['090-1234-5678か03(1234)5678まで', 'JP', '+81••••••••78か+81•••••••78まで'],
    ['โทร 081 234 5678', 'TH', 'โทร +66•••••••78'],
    ['050 123 4567, +971 50 123 4567', 'AE', '+97••••••••67, +97••••••••67'],
    [
      '(212) 555-0123 or 1-800-555-0199 or 212.555.0123 ext 4',
      'US',
      '+12•••••••23 or +18•••••••99 or +12•••••••23 ext 4',
    ],
    ['06 12 34 56 78', 'FR', '+33•••••••78'],
    ['8 (912) 345-67-89', 'RU', '+79•••••••89'],
    ['079 123 45 67', 'CH', '+41•••••••67'],
    ['07911 123456', 'GB', '+44••••••••56'],
    ['612.345.678', 'ES', '+34•••••••78'],
    ['9123 4567', 'SG', '+65••••••67'],
  ])
})

t.test('international numbers need no country', async (t) => {
  hides(t, [
    ['+55 11 98765 4321', null, '+55•••••••••21'],
    ['0049 151 12345679', null, '+49•••••••••79'],
    ['https://wa.me/4915112345679', null, 'https://wa.me/+49•••••••••79'],
    ['a+12025550188a', null, 'a+12•••••••88a'],
    ['+52 1 55 1234 5678', null, '+52•••••••••78'],
    ['\u202A+49 151 12345678\u202C', null, '\u202A+49•••••••••78\u202C'],
  ])
})

t.test('without a country the usual national forms are masked', async (t) => {
  hides(t, [
    ['0170 1234567', null, '•••••••••67'],
    ['212-555-0123', null, '••••••••23'],
    ['9876543210', null, '••••••••10'],
    ['13812345678', null, '•••••••••78'],
    ['612 345 678', null, '•••••••78'],
  ])
})

t.test('digits of other scripts are digits', async (t) => {
  hides(t, [
    ['１３８１２３４５６７８', 'CN', '+86•••••••••78'],
    ['０９０－１２３４－５６７８', 'JP', '+81••••••••78'],
    ['९८७६५४३२१०', 'IN', '+91••••••••10'],
    ['٠٥٠١٢٣٤٥٦٧', 'AE', '+97••••••••67'],
    ['۰۹۱۲۳۴۵۶۷۸۹', 'IR', '+98••••••••89'],
    ['๐๘๑-๒๓๔-๕๖๗๘', 'TH', '+66•••••••78'],
  ])
})

t.test('however a number is written, its mask tells the same', async (t) => {
  const forms = ['+4915123456789', '0151 23456789', '0151/2345-6789', '004915123456789', '4915123456789', '15123456789']
  for (const form of forms) t.equal(veil(form, 'DE'), '+49•••••••••89', form)
  t.same(veiledOf({ content: { phone: '0151 2345 6789', waId: '4915123456789' } }, 'DE'), {
    content: { phone: '+49•••••••••89', waId: '+49•••••••••89' },
  })
})

t.test('numbers side by side, beside letters, brackets and other numbers are found', async (t) => {
  hides(t, [
    ['513140867 513140869', 'PL', '+48•••••••67 +48•••••••69'],
    ['(213) 373-4253 (foo)', 'US', '+12•••••••53 (foo)'],
    ['0312345678foobaa 09011112222', 'JP', '+81•••••••78foobaa +81••••••••22'],
    ['10115 Berlin, 10115 0170 1234567', 'DE', '10115 Berlin, 10115 +49••••••••67'],
    ['tel0170 1234567', 'DE', 'tel+49••••••••67'],
  ])
})

t.test('card numbers keep their last four digits', async (t) => {
  hides(t, [
    ['4111 1111 1111 1111 12/27 123', 'US', '••••••••••••1111 12/27 123'],
    ['5500-0000-0000-0004', null, '••••••••••••0004'],
    ['378282246310005', null, '•••••••••••0005'],
    ['3782 822463 10005', null, '•••••••••••0005'],
    ['6205500000000000004', 'CN', '•••••••••••••••0004'],
  ])
  t.equal(veil('4111 1111 1111 1112', 'US'), null, 'a wrong check digit')
})

t.test('email addresses keep their first character and their domain', async (t) => {
  hides(t, [
    ['max.mustermann+x@example.com, "john doe"@example.org!', null, 'm•••@example.com, "•••@example.org!'],
    ['ｚｈａｎｇ＠ｑｑ．ｃｏｍ', 'CN', 'ｚ•••＠ｑｑ．ｃｏｍ'],
    ['邮箱是zhang@qq.com。谢谢', 'CN', '邮箱是z•••@qq.com。谢谢'],
    ['12345678@qq.com', 'CN', '1•••@qq.com'],
    ['müller@exämple.de', null, 'm•••@exämple.de'],
    ['anna @ example.com', null, 'a•••@ example.com'],
    ['<mailto:a@b.example>', null, '<mailto:a•••@b.example>'],
  ])
  for (const text of ['@anna', 'anna@', '3 @ 4.50', 'a@b', '@@', '.@.']) t.equal(veil(text, 'DE'), null, text)
})

t.test('what is no number of a person stays', async (t) => {
  const kept: [string, string | null][] = [
    ['Order MT-12345678 of 2026-11-22 10:30', 'US'],
    ['22.11.2026 um 10:30, 16:30-18:00', 'DE'],
    ['2026-11-22T09:30:00Z', 'US'],
    ['1.234.567,00 €, Rp 8.123.456.789, $1234567', 'ID'],
    ['#1234567890', 'US'],
    ['DHL 00340434161094042557, JD014600006281230704', 'DE'],
    ['RR123456789CN', 'CN'],
    ['1Z999AA10123456784', 'US'],
    ['112-1234567-1234567', 'US'],
    ['192.168.100.100 172.217.16.142', 'DE'],
    ['0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11', 'US'],
    ['52.520008, 13.404954', 'DE'],
    ['EAN 4006381333931', 'DE'],
    ['1700000000000', 'DE'],
    ['250 300 350 400 450 500', 'US'],
    ['10 20 30 40 50 60 70 80', 'DE'],
    ['123456789012', 'US'],
    ['Rechnung 2026-000123, 2026/11/000123, 4500123456', 'DE'],
    ['invoice 2026-000123', 'US'],
    ['100-200 Stück, 50x70, Nr. 12345678', 'DE'],
    ['', null],
  ]
  for (const [text, country] of kept) t.equal(veil(text, country), null, text)
})

t.test('email addresses are masked as HTML, links and people against robots write them', async (t) => {
  hides(t, [
    ['an\u200Bna@exam\u200Bple.com', null, 'a•••@exam\u200Bple.com'],
    ['anna\u200B@\u2060example\u00AD.com', null, 'a•••@\u2060example\u00AD.com'],
    ['?to=anna%40example.com', null, '?to=a•••%40example.com'],
    ['anna&#64;example.com', null, 'a•••&#64;example.com'],
    ['anna&#x40;example.com', null, 'a•••&#x40;example.com'],
    ['anna (at) example.com', null, 'a••• (at) example.com'],
    ['anna[AT]example.com', null, 'a•••[AT]example.com'],
    ['anna (at) example (dot) com', null, 'a••• (at) example (dot) com'],
    ['anna @ example . com', null, 'a•••@ example . com'],
  ])
})

t.test('some other numbers look like one, and are masked too', async (t) => {
  // Each of these has the form of a number that somebody has. The list may shrink.
  const lost: [string, string | null][] = [
    ['IMEI 356938035643809', 'DE'],
    ['IBAN DE89 3704 0044 0532 0130 00', 'DE'],
    ['order 4915112345679', 'DE'],
    ['order 9876543210', null],
    ['order 87654321', 'SG'],
    ['#919902821863', 'DE'],
    ['user_12345678901', 'DE'],
    ['1755224943', null],
    ['35663472\n80590162', 'DE'],
    ['05164;3180;657', 'DE'],
  ]
  for (const [text, country] of lost) t.not(veil(text, country), null, text)
})

t.test('every text in the content is looked at, and a contact card’s numbers are masked whole', async (t) => {
  const content = {
    caption: 'call 0170 1234567',
    deep: [{ text: ['ok', { say: 'a@example.com' }] }],
    contacts: [{ name: { formattedName: 'Bo' }, phones: [{ phone: '12345', waId: '15550001', type: 'CELL' }] }],
    latitude: 52.520008,
    tel: 1701234567,
    phone: null,
  }
  t.same(veiledOf({ text: '[contacts] Bo', content }, 'DE'), {
    content: {
      caption: 'call +49••••••••67',
      deep: [{ text: ['ok', { say: 'a•••@example.com' }] }],
      contacts: [{ name: { formattedName: 'Bo' }, phones: [{ phone: '•••45', waId: '••••••01', type: 'CELL' }] }],
      latitude: 52.520008,
      tel: '+49••••••••67',
      phone: null,
    },
  })
  t.same(veiledOf({ text: 'hello', content: { text: 'hello' } }, 'DE'), {})
  t.same(veiledOf({ subject: null }, null), {})
})

t.test('no number that is written as one is shown, whatever stands around it', async () => {
  const number = fc.integer({ min: 1_000_000, max: 9_999_999 }).map((tail) => `+4915${String(tail)}21`)
  const written = fc.constantFrom(
    (digits: string) => digits,
    (digits: string) => digits.replace(/^(...)(...)(.*)$/, '$1 $2 $3'),
    (digits: string) => digits.replace(/^(...)(...)(...)(.*)$/, '$1 ($2) $3-$4'),
  )
  const around = fc.stringMatching(/^[a-zäü,.:;!? \n(]{0,20}$/)
  fc.assert(
    fc.property(around, number, written, around, (before, digits, form, after) => {
      const shown = veil(`${before}${form(digits)}${after}`, 'DE')
      return shown !== null && !shown.replaceAll(/\D/g, '').includes(digits.slice(4, 9))
    }),
    { numRuns: 500 },
  )
})

t.test('what a veil shows hides nothing more', async () => {
  const part = fc.constantFrom(
    '0170 1234567',
    'a@b.example',
    '4111 1111 1111 1111',
    ' ',
    ',',
    '1',
    '22.11.',
    '+',
    'x',
    '(',
    '\n',
    ':',
    '0170',
    '1234567',
    '<br>',
    '49',
    '%40',
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.constantFrom('DE', 'US', null), (parts, country) => {
      const shown = veil(parts.join(''), country)
      return shown === null || veil(shown, country) === null
    }),
    { numRuns: 1000 },
  )
})

t.test('a text made to be slow is done soon, and nothing in it is left unexamined', async (t) => {
  const units = ['1', '1 ', '1-', '@', 'a@', 'a@b.de ', '"@', '"a@b.de', '-', '+', '+1', '(1', '.a@', '１', '२ ', '𝟙 ']
  const longer = ['0170 1234567 ', '+49 151 12345678 ', '12345678 ', '4111 1111 1111 1111 ', '2026-11-22 ', '1234567.']
  const broken = [
    '1\n',
    '01,',
    '0170\n',
    '<b>',
    '1<b>',
    '1<br><br>',
    '49,',
    '4111,',
    '01\r\n> ',
    '+49\n170\n',
    '1:',
    '0 1 7 ',
  ]
  const mail = ['&#64;', 'a%40', '(at)', 'a (at) b', 'a @ b . ', '@a . a . a . ', 'a\u200B@', '\u200B', '[at']
  for (const unit of [...units, ...longer, ...broken, ...mail])
    for (const country of ['DE', null]) {
      const text = unit.repeat(Math.ceil(65_536 / unit.length)).slice(0, 65_536)
      const before = process.cpuUsage()
      veil(text, country)
      t.ok(process.cpuUsage(before).user < 500_000, `${country}: ${unit}`)
    }
  const many = Array.from({ length: 4_000 }, (_, i) => `no ${i} 0170 ${1_000_000 + i}`).join('\n')
  t.notMatch(veil(many, 'DE'), /\d{5}/)
})
