import t from 'tap'
import { startTestService } from '../../harness/service.ts'
import { connectorChannel, done, talk } from '../conversations/fixtures.ts'

const service = await startTestService(t)
const { channelId } = await connectorChannel(service, 'http://127.0.0.1:9/')
const someone = async () => (await talk(service, { channelId, kind: 'connector' })).contactId
const listed = async (contactId: string) =>
  (await done(service, 'GET', `/v1/contacts/${contactId}/consent-events?sort=occurredAt`)).data
const said = (contactId: string, evidence: string, more: object = {}) =>
  done(service, 'POST', `/v1/contacts/${contactId}/consent-events`, {
    ...{ category: 'marketing', state: 'stop', evidence },
    ...more,
  })
const wordsOf = async (contactId: string) =>
  Promise.all(
    (await listed(contactId)).map(
      async ({ id }) => (await done(service, 'GET', `/v1/consent-events/${id}/evidence`)).body.text,
    ),
  )

t.test('wishes go with whom they are of into another contact, are counted, and come back', async (t) => {
  const [a, b] = [await someone(), await someone()]
  const own = await said(a, 'said by A')
  const theirs = await said(b, 'said by B')
  const merged = await done(service, 'POST', `/v1/contacts/${a}/merge`, { mergeId: b })
  t.match(merged.body.merges, [{ contactId: b, moved: { consents: 1 } }])
  t.match(await listed(a), [
    { id: own.id, contactId: a },
    { id: theirs.id, contactId: a },
  ])
  t.same(await wordsOf(a), ['said by A', 'said by B'])
  // Of one person who may be either of the two: not to be written to is for both.
  await said(a, 'said meanwhile')
  await said(a, 'agreed meanwhile', { state: 'resume' })
  await done(service, 'POST', `/v1/contacts/${a}/unmerge`, { mergeId: b })
  t.same(await wordsOf(a), ['said by A', 'said meanwhile', 'agreed meanwhile'])
  t.same(await wordsOf(b), ['said by B', 'said meanwhile'])
  t.match(await listed(b), [
    { id: theirs.id, source: 'manual' },
    { state: 'stop', source: 'manual' },
  ])
  const keys = await service.sql('SELECT DISTINCT key_contact_id AS key FROM app.consent_event WHERE contact_id = $1', [
    b,
  ])
  t.same(keys, [{ key: b }], 'each under their own key')
  await done(service, 'POST', `/v1/contacts/${a}/erase`, { reason: 'asked for it' })
  t.same(await wordsOf(b), ['said by B', 'said meanwhile'], 'and not gone with the other one')
})

t.test('how many there were is told to whom they could be listed', async (t) => {
  const [a, b] = [await someone(), await someone()]
  await said(b, 'said by B')
  const grants = (...more: object[]) =>
    service.role([
      { resource: 'contacts', actions: ['read', 'update', 'merge'], fields: { read: ['*'], write: ['*'] } },
      ...more,
    ])
  const blind = await service.member(await grants())
  const seeing = await service.member(
    await grants({ resource: 'consent-events', actions: ['read'], fields: { read: ['state'] } }),
  )
  const dry = async (token: string) => {
    const answer = await done(service, 'POST', `/v1/contacts/${a}/merge`, { mergeId: b, dryRun: true }, token)
    const [merge] = answer.body.merges as { moved: Record<string, number> }[]
    return merge?.moved.consents
  }
  t.same([await dry(blind.token), await dry(seeing.token)], [undefined, 1])
})
