import t from 'tap'
import { startTestService } from '../../harness/service.ts'

const people = [
  { displayName: 'Anna Müller', company: 'Grün & Söhne', email: 'anna.mueller@example.com', phone: '+4917012345678' },
  { displayName: 'José Ñandú', company: '50%_off', email: 'jose@firma.example' },
  { displayName: '王小明', company: '北京公司' },
  { displayName: 'さくら 田中' },
  { displayName: 'สมชาย ใจดี' },
  { displayName: 'محمد علي' },
  { displayName: 'Łukasz Żółć' },
  { displayName: 'Ｆｕｌｌ　Ｗｉｄｔｈ' },
  { displayName: 'O’Brien-Smith', givenName: 'Pat', familyName: "O'Brien" },
  { displayName: 'back\\slash' },
]

t.test('a person is found however the name is typed', async (t) => {
  const { request } = await startTestService(t)
  for (const body of people) t.equal((await request('POST', '/v1/contacts', { body })).status, 201)
  const find = async (q: string): Promise<unknown[]> =>
    (await request('GET', `/v1/contacts?q=${encodeURIComponent(q)}`)).data.map((one) => one.displayName).sort()
  for (const [q, wanted] of [
    ['Müller', 'Anna Müller'],
    ['muller', 'Anna Müller'],
    ['MULLER', 'Anna Müller'],
    ['mu\u0308ller', 'Anna Müller'],
    ['anna mull', 'Anna Müller'],
    ['müll ann', 'Anna Müller'],
    ['sohne', 'Anna Müller'],
    ['grün & söhne', 'Anna Müller'],
    ['anna.mueller', 'Anna Müller'],
    ['EXAMPLE.com', 'Anna Müller'],
    ['jose nandu', 'José Ñandú'],
    ['王小明', '王小明'],
    ['小明', '王小明'],
    ['北京', '王小明'],
    ['さくら', 'さくら 田中'],
    ['田中', 'さくら 田中'],
    ['สมชาย', 'สมชาย ใจดี'],
    ['ใจดี', 'สมชาย ใจดี'],
    ['محمد', 'محمد علي'],
    ['علي', 'محمد علي'],
    ['lukasz zolc', 'Łukasz Żółć'],
    ['full width', 'Ｆｕｌｌ　Ｗｉｄｔｈ'],
    ['obrien', null],
    ["o'brien", 'O’Brien-Smith'],
    ['o’brien', 'O’Brien-Smith'],
    ['+49 170 12345678', 'Anna Müller'],
    ['0170 123 456 78', 'Anna Müller'],
    ['0049170', 'Anna Müller'],
    ['+49 (0) 170-1234', 'Anna Müller'],
    ['170/1234', 'Anna Müller'],
    ['1234567', 'Anna Müller'],
    ['  anna  ', 'Anna Müller'],
  ] as const)
    t.same(await find(q), wanted === null ? [] : [wanted], q)

  await t.test('every word must be found', async (t) => {
    for (const q of ['anna nobody', 'müller jose', '+49 171', '00', '12']) t.same(await find(q), [], q)
  })
  await t.test('what means something to the database means nothing here', async (t) => {
    t.same(await find('%'), ['José Ñandú'])
    t.same(await find('_'), ['José Ñandú'])
    t.same(await find('50%_'), ['José Ñandú'])
    t.same(await find('５０％＿'), ['José Ñandú'], 'full-width neither')
    t.same(await find('\\'), ['back\\slash'])
    t.same(await find('＼'), ['back\\slash'])
    t.same(await find('∖'), ['back\\slash'])
    t.same(await find('a%a'), [])
    t.same(await find("'; DROP TABLE app.contact; --"), [])
    for (const q of ['a*', 'a|b', '!a', '(a', 'a:*', '"', '\\\\\\'])
      t.equal((await request('GET', `/v1/contacts?q=${encodeURIComponent(q)}`)).status, 200, q)
  })
  await t.test('there must be something to search for', async (t) => {
    for (const q of ['', ' ', '\t', 'a\0', 'x'.repeat(201)])
      t.equal((await request('GET', `/v1/contacts?q=${encodeURIComponent(q)}`)).status, 400, JSON.stringify(q))
    t.equal((await request('GET', `/v1/contacts?q=${encodeURIComponent('a '.repeat(99))}`)).status, 200)
  })
  await t.test('and it combines with filters, sorts and pages', async (t) => {
    const page = await request('GET', '/v1/contacts?q=a&sort=displayName&limit=2')
    t.equal(page.data.length, 2)
    const next = await request('GET', `/v1/contacts?q=a&sort=displayName&limit=2&cursor=${page.string('nextCursor')}`)
    t.equal(next.status, 200)
    t.same((await request('GET', '/v1/contacts?q=anna&email=anna.mueller@example.com')).data.length, 1)
    t.same((await request('GET', '/v1/contacts?q=anna&email=jose@firma.example')).data, [])
    const byBody = await request('POST', '/v1/contacts/search', {
      body: { q: 'muller', where: { exists: ['phone', true] } },
    })
    t.match(byBody.data, [{ displayName: 'Anna Müller' }])
  })
})
