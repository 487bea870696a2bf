import t from 'tap'
import { unsubscribeUrl } from '../../../src/resources/unsubscribe/token.ts'
import { startTestService } from '../../harness/service.ts'
import { connectorChannel, faultsOf, said, send, talk } from '../conversations/fixtures.ts'

const service = await startTestService(t)
const { channelId } = await connectorChannel(service, 'http://127.0.0.1:1')

t.test('one click says stop, whoever asks, as often as they like; a look at the page does not', async (t) => {
  const one = await talk(service, { channelId, kind: 'connector' })
  const messageId = await said(service, one, 'Hello')
  const { db, config, tenantId } = service
  const url = unsubscribeUrl(db.keyring, config.publicUrl, { tenantId, region: 'default', messageId })
  const path = url.slice(config.publicUrl.length)
  const events = () =>
    service.sql(
      'SELECT category, state, source, evidence_message_id, identity_id FROM app.consent_event WHERE contact_id = $1',
      [one.contactId],
    )
  const looked = await service.request('GET', path, { token: null })
  t.equal(looked.status, 200)
  t.match(looked.headers['content-type'], /text\/html/)
  t.same(await events(), [], 'programs follow links')
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const click = () => service.request('POST', path, { token: null, body: 'List-Unsubscribe=One-Click', headers })
  t.equal((await click()).status, 200)
  t.equal((await click()).status, 200)
  t.same(await events(), [
    {
      ...{ category: 'marketing', state: 'stop', source: 'link' },
      ...{ evidence_message_id: messageId, identity_id: one.identityId },
    },
  ])
  const refused = await send(service, one.conversationId, { text: 'Offer', purpose: 'marketing' })
  t.equal(refused.status, 422)
  t.match(faultsOf(refused), [{ code: 'opted_out' }])
  t.equal((await send(service, one.conversationId, { text: 'Answer' })).status, 201)
  t.equal((await service.request('POST', `${path}x`, { token: null, body: '', headers })).status, 404)
})
