import t from 'tap'
import { startTestService, type TestService } from '../../harness/service.ts'

/** Walks a list to its end. */
async function walk(
  { request }: TestService,
  query: string,
  between: (page: number) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const ids: string[] = []
  let cursor = ''
  for (let page = 0; page < 100; page++) {
    const answer = await request('GET', `/v1/contacts?${query}${cursor && `&cursor=${cursor}`}`)
    if (answer.status !== 200) throw new Error(`${query}: ${answer.text}`)
    ids.push(...answer.data.map((one) => one.id))
    if (answer.body.nextCursor === null) return ids
    cursor = answer.string('nextCursor')
    await between(page)
  }
  throw new Error('a list without end')
}

t.test('pages are complete, in order, whatever they are sorted by', async (t) => {
  const service = await startTestService(t)
  const { request, sql } = service
  const countries = ['DE', 'FR', null]
  for (let i = 0; i < 37; i++)
    await request('POST', '/v1/contacts', {
      body: {
        displayName: i % 9 === 0 ? null : `Person ${i % 5}`,
        country: countries[i % 3],
        intentScore: i % 4 === 0 ? null : i % 7,
        birthDate: i % 6 === 0 ? null : `19${60 + (i % 3)}-01-01`,
        followUpStatus: ['ä', 'z', 'a', 'Z', null][i % 5],
      },
    })
  const columns: Record<string, string> = {
    displayName: 'display_name',
    country: 'country',
    intentScore: 'intent_score',
    birthDate: 'birth_date',
    createdAt: 'created_at',
    updatedAt: 'updated_at',
    followUpStatus: 'follow_up_status',
    lifecycleStage: 'lifecycle_stage',
    version: 'version',
    email: 'email',
  }
  for (const [field, column] of Object.entries(columns))
    for (const [sign, direction] of [
      ['', 'ASC'],
      ['-', 'DESC'],
    ]) {
      const wanted = await sql<{ id: string }>(
        `SELECT id FROM app.contact ORDER BY ${column} ${direction} NULLS LAST, id ${direction}`,
      )
      for (const limit of [1, 7, 36, 37, 200].slice(limitFor(field)))
        t.same(
          await walk(service, `sort=${sign}${field}&limit=${limit}`),
          wanted.map((one) => one.id),
          `${sign}${field} by ${limit}`,
        )
    }
  const newest = await sql<{ id: string }>('SELECT id FROM app.contact ORDER BY id DESC')
  t.same(
    await walk(service, 'limit=5'),
    newest.map((one) => one.id),
    'the newest first when nothing is said',
  )
  t.equal((await request('GET', '/v1/contacts')).data.length, 25, 'by 25')
  for (const limit of ['0', '-1', '201', '1.5', 'x', '', '1e1x', 'NaN'])
    t.equal((await request('GET', `/v1/contacts?limit=${limit}`)).status, 400, `limit=${limit}`)
  for (const sort of [
    'color',
    'tags',
    'address',
    '--createdAt',
    '',
    'displayName,country',
    'displayName desc',
    '__proto__',
    'createdAt)',
  ])
    t.equal((await request('GET', `/v1/contacts?sort=${encodeURIComponent(sort)}`)).status, 400, `sort=${sort}`)
})

/** A page of one row is walked for the fields that have gaps. */
function limitFor(field: string): number {
  return ['displayName', 'intentScore'].includes(field) ? 0 : 1
}

t.test('what is added or changed meanwhile neither hides nor doubles what was there', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const there: string[] = []
  for (let i = 0; i < 20; i++)
    there.push(
      (
        await request('POST', '/v1/contacts', {
          body: { displayName: `P${10 + i}`, intentScore: i % 3 === 0 ? null : i },
        })
      ).id,
    )
  for (const query of [
    'limit=3',
    'limit=3&sort=createdAt',
    'limit=3&sort=-displayName',
    'limit=3&sort=intentScore',
    'limit=3&sort=-intentScore',
  ]) {
    const ids = await walk(service, query, async (page) => {
      await request('POST', '/v1/contacts', { body: { displayName: `P${page}`, intentScore: page * 7 } })
      await request('PATCH', `/v1/contacts/${there[page]}`, { body: { company: `${page}` } })
    })
    t.equal(new Set(ids).size, ids.length, `${query}: none twice`)
    t.same(
      there.filter((id) => !ids.includes(id)),
      [],
      `${query}: none missing`,
    )
  }
})

t.test('a cursor opens for its own question and asker only', async (t) => {
  const service = await startTestService(t)
  const { request } = service
  const secret = 'Zanzibar'
  for (let i = 0; i < 4; i++) await request('POST', '/v1/contacts', { body: { displayName: `${secret} ${i}` } })
  const first = await request('GET', '/v1/contacts?limit=2&sort=displayName')
  const cursor = first.string('nextCursor')
  t.notMatch(Buffer.from(cursor, 'base64url').toString('latin1'), secret, 'it does not show what it holds')
  const ask = (query: string, token?: string) => request('GET', `/v1/contacts?${query}`, token ? { token } : {})
  t.equal((await ask(`limit=2&sort=displayName&cursor=${cursor}`)).status, 200)
  t.equal(
    (await ask(`limit=50&sort=displayName&cursor=${cursor}`)).status,
    200,
    'another size of pages is no other question',
  )
  const { token } = await service.member('sales')
  const other = await service.tenant()
  const flip = (at: number): string => cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1)
  for (const [what, answer] of [
    ['another sort', ask(`sort=-displayName&cursor=${cursor}`)],
    ['no sort', ask(`cursor=${cursor}`)],
    ['a filter', ask(`sort=displayName&country=DE&cursor=${cursor}`)],
    ['a search', ask(`sort=displayName&q=z&cursor=${cursor}`)],
    ['the trash', ask(`sort=displayName&trashed=true&cursor=${cursor}`)],
    ['another member', ask(`sort=displayName&cursor=${cursor}`, token)],
    ['another tenant', ask(`sort=displayName&cursor=${cursor}`, other.ownerToken)],
    ['another noun', request('GET', `/v1/tags?cursor=${cursor}`)],
    [
      'a search by body',
      request('POST', '/v1/contacts/search', { body: { cursor, where: { exists: ['displayName', true] } } }),
    ],
    ['a changed bit', ask(`sort=displayName&cursor=${flip(0)}`)],
    ['a changed bit of what it holds', ask(`sort=displayName&cursor=${flip(cursor.length - 8)}`)],
    ['cut short', ask(`sort=displayName&cursor=${cursor.slice(0, -4)}`)],
    ['nothing', ask('sort=displayName&cursor=')],
    ['nonsense', ask('sort=displayName&cursor=nonsense')],
    [
      'made up',
      ask(`sort=displayName&cursor=${Buffer.from(JSON.stringify([secret, first.data[0]?.id])).toString('base64url')}`),
    ],
    ['very long', ask(`sort=displayName&cursor=${'A'.repeat(5000)}`)],
    ['twice', ask(`sort=displayName&cursor=${cursor}&cursor=${cursor}`)],
  ] as const)
    t.equal((await answer).status, 400, what)
  const [event] = await service.sql('SELECT outcome, code FROM audit.readable_event WHERE request_id = $1', [
    (await ask(`cursor=${cursor}`)).headers['request-id'],
  ])
  t.match(event, { outcome: 'denied', code: 'invalid_cursor' })
})

t.test('every operator finds what it says', async (t) => {
  const service = await startTestService(t)
  const { request, member } = service
  const owner = (await member('sales')).id
  const rows = {
    a: { displayName: 'a', intentScore: 1, birthDate: '1990-01-01', tags: ['x'], country: 'DE' },
    b: { displayName: 'b', intentScore: 50, birthDate: '1990-01-02', tags: ['x', 'y'], country: 'FR', ownerId: owner },
    c: { displayName: 'c', intentScore: 100, tags: ['z'], lifecycleStage: 'customer' },
    d: { displayName: 'd', tags: [] },
  }
  for (const body of Object.values(rows)) await request('POST', '/v1/contacts', { body })
  const times = (await request('GET', '/v1/contacts?sort=displayName')).data.map((one) => String(one.createdAt))
  const find = async (query: string): Promise<string> => {
    const answer = await request('GET', `/v1/contacts?sort=displayName&${query}`)
    return answer.status === 200 ? answer.data.map((one) => one.displayName).join('') : `${answer.status}`
  }
  for (const [query, wanted] of Object.entries({
    'intentScore=50': 'b',
    'intentScore[eq]=50': 'b',
    'intentScore[ne]=50': 'ac',
    'intentScore[in]=1,100': 'ac',
    'intentScore[lt]=50': 'a',
    'intentScore[lte]=50': 'ab',
    'intentScore[gt]=50': 'c',
    'intentScore[gte]=50': 'bc',
    'intentScore[exists]=false': 'd',
    'intentScore[gte]=50&intentScore[lt]=100': 'b',
    'displayName[startsWith]=b': 'b',
    'displayName[gt]=b': 'cd',
    'displayName[in]=a,d,zzz': 'ad',
    'birthDate[lt]=1990-01-02': 'a',
    'birthDate[ne]=1990-01-01': 'b',
    'birthDate[exists]=true': 'ab',
    'lifecycleStage=customer': 'c',
    'lifecycleStage[ne]=customer': 'abd',
    'tags=x': 'ab',
    'tags[eq]=y': 'b',
    'tags[in]=y,z': 'bc',
    'tags[ne]=x': 'bc',
    'tags[exists]=false': 'd',
    [`ownerId=${owner}`]: 'b',
    [`ownerId=${owner.toUpperCase()}`]: 'b',
    'ownerId[exists]=false': 'acd',
    'country[in]=DE,FR': 'ab',
    'held=false': 'abcd',
    'held=true': '',
    [`createdAt[gt]=${times[1]}`]: 'cd',
    [`createdAt[lte]=${times[1]}`]: 'ab',
    [`createdAt=${times[2]}`]: 'c',
    [`createdAt[lte]=${encodeURIComponent(String(times[1]).replace('Z', '+00:00'))}`]: 'ab',
    'createdAt[gt]=2026-02-30T00:00:00Z': '400',
    'createdAt[gt]=2026-01-01': '400',
    'birthDate=2026-02-30': '400',
    'intentScore=many': '400',
    'intentScore[gt]=1e400': '400',
    'held=yes': '400',
    'ownerId=me': '400',
    'ownerId[gt]=x': '400',
    'tags[gt]=x': '400',
    'displayName[like]=a': '400',
    'displayName[exists]=1': '400',
    'displayName[$ne]=a': '400',
    'displayName[ne][ne]=a': '400',
    'displayName[]=a': '400',
    'displayName.length=1': '400',
    'color=red': '400',
    'address=x': '400',
    'address[exists]=true': '400',
  }))
    t.equal(await find(query), wanted, query)

  await t.test('by body as by query', async (t) => {
    const search = async (where: unknown): Promise<string> => {
      const answer = await request('POST', '/v1/contacts/search', { body: { where, sort: 'displayName' } })
      return answer.status === 200 ? answer.data.map((one) => one.displayName).join('') : `${answer.status}`
    }
    for (const [where, wanted] of [
      [{ eq: ['intentScore', 50] }, 'b'],
      [{ or: [{ lt: ['intentScore', 50] }, { eq: ['lifecycleStage', 'customer'] }] }, 'ac'],
      [{ and: [{ eq: ['tags', 'x'] }, { not: { eq: ['tags', 'y'] } }] }, 'a'],
      [{ not: { exists: ['intentScore', true] } }, 'd'],
      [{ not: { ne: ['intentScore', 50] } }, 'bd'],
      [{ in: ['displayName', []] }, ''],
      [{ not: { in: ['displayName', []] } }, 'abcd'],
      [{ eq: ['ownerId', '$me.id'] }, ''],
      [{ in: ['country', '$me.countries'] }, ''],
      [{ startsWith: ['displayName', 'a'] }, '400'],
      [{ eq: ['intentScore', '50'] }, '400'],
      [{ eq: ['displayName', null] }, '400'],
      [{ $or: [] }, '400'],
      [{ eq: { displayName: 'a' } }, '400'],
      [{}, '400'],
      [[], '400'],
      ['displayName = a', '400'],
    ] as const)
      t.equal(await search(where), wanted, JSON.stringify(where))
  })
  await t.test('and the audit keeps what was asked, without the values', async (t) => {
    const answer = await request('GET', '/v1/contacts?displayName=Quokka&country[in]=DE,FR&q=wombat&sort=-createdAt')
    const [event] = await service.sql('SELECT query FROM audit.readable_event WHERE request_id = $1', [
      answer.headers['request-id'],
    ])
    t.match(event?.query, {
      where: { and: [{ eq: ['displayName', /^[\w-]{22}$/] }, { in: ['country', [/./, /./]] }] },
      q: /^[\w-]{22}$/,
      sort: '-createdAt',
    })
    t.notMatch(JSON.stringify(event), /quokka|wombat|"DE"/i)
  })
})
