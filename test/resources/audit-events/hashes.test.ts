import t from 'tap'
import { startTestService } from '../../harness/service.ts'

const hashesIn = (query: unknown): string[] => [...(JSON.stringify(query).match(/[\w-]{22}/g) ?? [])]

t.test('whoever reads the audit cannot find out by guessing what others have asked for', async (t) => {
  const { request, member } = await startTestService(t)
  const phone = '+4917012345678'
  await request('POST', '/v1/contacts', { body: { displayName: 'Zacharias', phone, company: phone } })
  const sales = await member('sales')
  const manager = await member('manager')
  const questions = async (actorId: string): Promise<unknown[]> => {
    const { data } = await request('GET', `/v1/audit-events?actorId=${actorId}&resource=contacts`, {
      token: manager.token,
    })
    return data.map((event) => event.query)
  }
  const ask = async ({ token }: { token: string }, filter: string) =>
    t.equal((await request('GET', `/v1/contacts?${filter}`, { token })).status, 200)
  const value = encodeURIComponent(phone)

  await ask(sales, `phone=${value}`)
  await ask(sales, `phone=${value}`)
  await ask(sales, 'q=Zacharias')
  const [q, again, first] = await questions(sales.id)
  t.same(again, first, 'the same question of the same principal')
  const known = hashesIn([q, first])
  t.equal(known.length, 2, 'the manager sees the hashes')

  // A field that the manager sees in clear can be asked about without end.
  await ask(manager, `source=${value}`)
  await ask(manager, `source[in]=${value},Zacharias`)
  await ask(manager, `phone=${value}`)
  await ask(manager, 'q=Zacharias')
  const own = hashesIn(await questions(manager.id))
  t.equal(own.length, 5)
  for (const hash of known) t.notOk(own.includes(hash), 'theirs are others')

  await ask(sales, `company=${value}`)
  const [other] = await questions(sales.id)
  t.equal(hashesIn(other).length, 1)
  for (const hash of hashesIn(other)) t.notOk(known.includes(hash), 'nor are they alike from field to field')
})
