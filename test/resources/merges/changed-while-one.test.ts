import t from 'tap'
import { keysOfContacts, pastChanges } from '../../../src/resources/history/past-changes.ts'
import { systemCaller } from '../../../src/resources/tenants/create.ts'
import { startTestService } from '../../harness/service.ts'
import { done } from '../conversations/fixtures.ts'

t.test(
  'what was changed while two were one tells of the one only what is theirs, after the other was erased',
  async (t) => {
    const service = await startTestService(t)
    const make = async (body: object) => (await done(service, 'POST', '/v1/contacts', body)).id
    const patch = (id: string, body: object) => done(service, 'PATCH', `/v1/contacts/${id}`, body)
    const history = async (id: string) => (await done(service, 'GET', `/v1/contacts/${id}/history?limit=200`)).text
    const theirs = /55512345|b-only@example|Theirs Ltd|theirs-region|theirs-tag|deep-title/g
    const found = (text: string) => [...new Set(text.match(theirs) ?? [])].sort()
    /** What opens under the keys of these contacts, wherever the audit keeps it. */
    const kept = (ids: string[]) =>
      service.db.change(
        systemCaller(service.db, { tenantId: service.tenantId, region: 'default' }, null),
        { action: 'import', resource: 'contacts' },
        async (tx) => {
          const keys = await keysOfContacts(tx, ids)
          tx.touch({ resource: 'contacts', ids })
          return JSON.stringify((await pastChanges(tx, keys, null, 200)).changes)
        },
      )

    const a = await make({ displayName: 'A', company: 'Own Ltd', tags: ['ours'] })
    const b = await make({
      displayName: 'B',
      phone: '+4915155512345',
      email: 'b-only@example.com',
      company: 'Theirs Ltd',
      address: { city: 'theirs-region' },
      tags: ['theirs-tag'],
    })
    const c = await make({ displayName: 'C', jobTitle: 'deep-title' })
    await done(service, 'POST', `/v1/contacts/${b}/merge`, { mergeId: c })
    await done(service, 'POST', `/v1/contacts/${a}/merge`, { mergeId: b, fields: { company: 'theirs' } })
    await patch(a, { phone: '+4915155599999', email: 'new@example.com', company: 'Later Ltd', displayName: 'A. A.' })
    await patch(a, { address: { city: 'another-region' }, tags: ['ours', 'later'], jobTitle: null })
    const whole = await history(a)
    t.equal(found(whole).length, 6, 'while they are one, their history tells all of it')
    t.match(whole, /Later Ltd[\s\S]*another-region|another-region[\s\S]*Later Ltd/)

    await done(service, 'POST', `/v1/contacts/${a}/unmerge`, { mergeId: b })
    t.strictSame(found(await history(a)), [])
    t.match(await history(a), /Later Ltd/, 'what was set is the contact’s own')
    t.match(await history(b), /55512345/)
    const erased = await service.request('POST', `/v1/contacts/${b}/erase`, { body: { reason: 'asked for it' } })
    t.equal(erased.status, 200, erased.text)
    t.strictSame(found(await kept([a])), [], 'nothing of it opens under a key that lives')
    t.match(await kept([a]), /Later Ltd/)
    t.match(await history(a), /"A\."?|A\. A\./, 'and nothing of their own is gone')
  },
)

t.test('the one who stayed can be erased, and the other’s past is whole', async (t) => {
  const service = await startTestService(t)
  const make = async (body: object) => (await done(service, 'POST', '/v1/contacts', body)).id
  const a = await make({ displayName: 'A' })
  const b = await make({ displayName: 'B', phone: '+4915155512345' })
  await done(service, 'POST', `/v1/contacts/${a}/merge`, { mergeId: b })
  await done(service, 'PATCH', `/v1/contacts/${a}`, { phone: '+4915155599999', company: 'Own Ltd' })
  await done(service, 'POST', `/v1/contacts/${a}/unmerge`)
  t.equal((await service.request('POST', `/v1/contacts/${a}/erase`, { body: { reason: 'asked for it' } })).status, 200)
  const { text } = await done(service, 'GET', `/v1/contacts/${b}/history?limit=200`)
  t.match(text, /55512345/)
  t.notMatch(text, /55599999|Own Ltd/, 'what was set for the other is gone with them')
  t.match((await done(service, 'GET', `/v1/contacts/${b}`)).body, { phone: '+4915155512345' })
})
