import t from 'tap'
import { refuseNaming, repeats } from '../../src/privacy/erasure-reason.ts'

t.test('a text repeats a value, however it is written', async (t) => {
  const repeated: [string, string][] = [
    ['Anna Müller asked', 'Anna Müller'],
    ['asked by MULLER', 'Müller'],
    ['asked by Mu\u0308ller', 'Müller'],
    ['ANNA@EXAMPLE.COM wrote', 'anna@example.com'],
    ['call 0170 123 45 678', '+4917012345678'],
    ['call +49 (170) 1234-5678', '+4917012345678'],
    ['call ٠١٧٠١٢٣٤٥٦٧٨', '+4917012345678'],
    ['customer C-1042 of the CRM', 'C-1042'],
    ['客户王伟要求删除', '王伟'],
    ['запрос Ивановой', 'Иванов'],
    ['visitor 4915112345678 wrote', '4915112345678'],
  ]
  for (const [text, value] of repeated) t.equal(repeats(text, value), true, `${text} / ${value}`)
})

t.test('and does not where only letters of it are there', async (t) => {
  for (const [text, value] of [
    ['will be annexed', 'Anna'],
    ['asked by email', 'mail'],
    ['ticket 4711', '+4917012345678'],
    ['in 2026', '2'],
    ['anything', ''],
    ['anything', ' - '],
    ['the man asked', 'An'],
  ] as const)
    t.equal(repeats(text, value), false, `${text} / ${value}`)
})

t.test('a refusal says where, not what', async (t) => {
  const given = { reason: 'Anna asked', ticket: 'mail of anna@example.com' }
  try {
    refuseNaming(given, ['Anna', 'anna@example.com'])
    t.fail('it was let through')
  } catch (error) {
    t.match(error, { code: 'unprocessable', options: { errors: [{ path: '/reason' }, { path: '/ticket' }] } })
    t.notMatch(JSON.stringify(error), /anna/i)
  }
  t.doesNotThrow(() => refuseNaming({ reason: 'asked by email', ticket: null }, ['Anna', 'anna@example.com']))
})
