import t from 'tap'
import { startTestService } from '../harness/service.ts'

t.test('filters take exactly what the document says of their kind', async (t) => {
  const { request } = await startTestService(t)
  await request('POST', '/v1/contacts', {
    body: { displayName: 'Anna', country: 'DE', intentScore: 70, tags: ['vip'] },
  })
  await request('POST', '/v1/contacts', { body: { displayName: 'Bashir', country: 'AT', intentScore: 7 } })
  const names = async (query: string) => {
    const answer = await request('GET', `/v1/contacts?sort=displayName&${query}`)
    return answer.status === 200 ? answer.data.map((one) => one.displayName).join() : answer.code
  }
  t.equal(await names('country[in]=DE,AT'), 'Anna,Bashir')
  t.equal(await names('country[in]=DE&country[in]=AT'), 'Anna,Bashir', 'a list may also be given part by part')
  t.equal(await names('country=DE&country=AT'), 'invalid_request', 'one value is given once')
  t.equal(await names('intentScore[gt]=69.5'), 'Anna')
  t.equal(await names('intentScore[in]=7,70'), 'Anna,Bashir')
  for (const wrong of ['', '0x10', ' 7', '07', '1_0', 'Infinity', 'NaN'])
    t.equal(await names(`intentScore=${encodeURIComponent(wrong)}`), 'invalid_request', `"${wrong}" is no number`)
  t.equal(await names('tags[exists]=true'), 'Anna')
  t.equal(await names('tags[exists]=yes'), 'invalid_request')
  t.equal(await names('createdAt[gte]=2026-01-01T00:00:00%2B05:26'), 'Anna,Bashir', 'any offset of RFC 3339')
  t.equal(await names('createdAt[gte]=2026-01-01T00:00:00'), 'invalid_request', 'a time without its zone is none')
  t.equal(await names('birthDate=2026-02-30'), 'invalid_request')
  t.equal(await names('ownerId=$me.id'), '')
  t.equal(await names('q=%20'), 'invalid_request')
  for (const limit of ['0', '201', '07', '1e1', '5.0']) t.equal(await names(`limit=${limit}`), 'invalid_request', limit)
  t.equal(await names('trashed=1'), 'invalid_request')
})

t.test('a record is included once, however often it is named', async (t) => {
  const { request } = await startTestService(t)
  for (const query of ['include=contact,contact', 'include=contact&include=contact']) {
    t.equal((await request('GET', `/v1/conversations?${query}`)).status, 200)
    t.equal((await request('GET', `/v1/conversations/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11?${query}`)).status, 404)
  }
  const search = await request('POST', '/v1/conversations/search', { body: { include: ['contact', 'contact'] } })
  t.equal(search.status, 200)
  t.equal((await request('GET', '/v1/conversations?include=nobody')).code, 'invalid_request')
})

t.test('a condition may be large, and not larger', async (t) => {
  const { request } = await startTestService(t)
  const search = async (where: unknown) => (await request('POST', '/v1/contacts/search', { body: { where } })).status
  const leaf = { eq: ['country', 'DE'] }
  const nested = (levels: number): unknown => (levels === 0 ? leaf : { not: nested(levels - 1) })
  t.equal(await search(nested(8)), 200)
  t.equal(await search(nested(9)), 422)
  t.equal(await search({ and: Array(4).fill({ or: Array(48).fill(leaf) }) }), 200)
  t.equal(await search({ and: Array(5).fill({ or: Array(48).fill(leaf) }) }), 422)
  t.equal(await search({ and: Array(51).fill(leaf) }), 400)
  t.equal(await search({ and: [] }), 400)
})
