import t from 'tap'
import { startTestService } from '../harness/service.ts'

const service = await startTestService(t)
const names = ['Anna', 'Ben', 'Chloé', 'Dao']
for (const [i, displayName] of names.entries())
  await service.request('POST', '/v1/contacts', {
    body: {
      displayName,
      intentScore: i * 10,
      tags: i < 2 ? ['early'] : ['late', displayName],
      country: i === 0 ? 'DE' : 'FR',
    },
  })

const found = async (query: string): Promise<unknown[]> =>
  (await service.request('GET', `/v1/contacts?sort=displayName&${query}`)).data.map(({ displayName }) => displayName)
const searched = async (where: unknown): Promise<unknown[]> => {
  const answer = await service.request('POST', '/v1/contacts/search', { body: { where, sort: 'displayName' } })
  return answer.data.map(({ displayName }) => displayName)
}

t.test('a filter of a shape that is kept takes the values of each request, however often it was used', async (t) => {
  for (let i = 0; i < 30; i++) {
    const name = names[i % 4]
    t.same(await found(`displayName=${encodeURIComponent(String(name))}`), [name])
    t.same(await found(`intentScore[gt]=${(i % 4) * 10}`), names.slice((i % 4) + 1))
  }
})

t.test('conditions of the same fields joined in another way are other conditions', async (t) => {
  const [de, early] = [{ eq: ['country', 'DE'] }, { eq: ['tags', 'early'] }]
  for (let i = 0; i < 25; i++) {
    t.same(await searched({ and: [de, early] }), ['Anna'])
    t.same(await searched({ or: [de, early] }), ['Anna', 'Ben'])
    t.same(await searched({ and: [{ not: de }, early] }), ['Ben'])
    t.same(await searched({ not: { or: [de, early] } }), ['Chloé', 'Dao'])
    t.same(await searched({ in: ['displayName', []] }), [])
    t.same(await searched({ in: ['displayName', ['Ben', 'Dao']] }), ['Ben', 'Dao'])
    t.same(await searched({ in: ['tags', ['Dao', 'early']] }), ['Anna', 'Ben', 'Dao'])
    t.same(await searched({ exists: ['intent', i % 2 === 0] }), i % 2 === 0 ? [] : names)
    t.same(await searched({ and: [{ eq: ['country', 'FR'] }, { eq: ['tags', 'late'] }] }), ['Chloé', 'Dao'])
  }
})
