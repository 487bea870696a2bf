import t from 'tap'
import type { JsonObject } from '../../../src/channels/json.ts'
import { fromMina, only, PSID, parsed, reason, settings } from './fixtures.ts'

const mina = { identities: [{ kind: 'messenger', value: PSID, verified: true }] }
const one = (body: JsonObject) => only(parsed('page', fromMina('page', body)))

t.test('deliveries name their messages, or only how far they have come', async (t) => {
  const upTo = new Date(1_790_000_000_500)
  const watermark = upTo.getTime()
  t.strictSame(
    parsed('page', fromMina('page', { delivery: { mids: ['m_a', 'm_b', 'm_a'], watermark } })).map((event) =>
      event.type === 'status'
        ? [event.status, event.externalId]
        : event.type === 'progress' && [event.status, event.upTo],
    ),
    [
      ['delivered', 'm_a'],
      ['delivered', 'm_b'],
      ['delivered', upTo],
    ],
  )
  t.match(one({ delivery: { watermark: String(watermark) } }), {
    type: 'progress',
    status: 'delivered',
    upTo,
    recipient: mina,
  })
  t.match(one({ read: { watermark, seq: 38 } }), { type: 'progress', status: 'read', upTo, recipient: mina })
  t.equal(reason('page', fromMina('page', { read: { seq: 1 } })), 'ignored no_watermark')
})

t.test('what happens without words is a system message that says what', async (t) => {
  const system = (body: JsonObject) => {
    const event = one(body)
    if (event.type !== 'message') throw new Error(event.type)
    t.equal(event.message.type, 'system')
    t.match(event.externalId, /^[a-z_]+:#[0-9a-f]{64}$/)
    return [event.message.content, event.message.text]
  }
  t.strictSame(system({ referral: { ref: 'spring', source: 'SHORTLINK', type: 'OPEN_THREAD' } }), [
    { event: 'referral', ref: 'spring', source: 'SHORTLINK', type: 'OPEN_THREAD' },
    '[came by shortlink]',
  ])
  t.match(one({ referral: { ref: 'spring' } }), { referral: { ref: 'spring' } })
  t.strictSame(system({ pass_thread_control: { new_owner_app_id: '12', metadata: 'm' } }), [
    { newOwnerAppId: '12', metadata: 'm', event: 'handover', action: 'passed' },
    '[the conversation was passed to another app]',
  ])
  t.match(system({ take_thread_control: { previous_owner_app_id: '12' } })[0], { action: 'taken' })
  t.match(system({ request_thread_control: { requested_owner_app_id: 12 } })[0], { action: 'requested' })
  t.strictSame(system({ account_linking: { status: 'linked', authorization_code: 'secret' } }), [
    { event: 'account_linking', status: 'linked' },
    '[account linked]',
  ])
  t.strictSame(system({ message_request: 'accept' }), [
    { event: 'message_request', action: 'accept' },
    '[message request accepted]',
  ])
  t.strictSame(system({ optin: { ref: 'footer' } }), [{ ref: 'footer', event: 'optin' }, '[opt-in] footer'])
  t.match(system({ game_play: { game_id: 1, score: 99 } })[0], { event: 'game_play', gameId: 1 })
})

t.test('a subscription to marketing is consent with its evidence, and its token stays out of sight', async (t) => {
  const optin = { type: 'notification_messages', notification_messages_token: 'secret-token', title: 'Spring offers' }
  const events = parsed('page', fromMina('page', { optin }))
  t.notMatch(JSON.stringify(events), 'secret-token')
  t.match(events, [
    { type: 'message', message: { type: 'system', text: '[opt-in] Spring offers' } },
    { type: 'preference', category: 'marketing', state: 'resume', from: mina, detail: { topic: 'Spring offers' } },
  ])
  const stop = { ...optin, notification_messages_status: 'STOP_NOTIFICATIONS' }
  t.match(parsed('page', fromMina('page', { optin: stop }))[1], {
    type: 'preference',
    state: 'stop',
    detail: { status: 'STOP_NOTIFICATIONS' },
  })
})

t.test('somebody who ticked a box is a claim, and becomes the person who writes', async (t) => {
  const optin = { ref: 'checkout', user_ref: 'box-7' }
  const box = { kind: 'messenger', value: 'user_ref:box-7', verified: false }
  const items: JsonObject[] = [
    { recipient: { id: settings.pageId }, timestamp: 1, optin },
    { recipient: { id: settings.pageId }, sender: { user_ref: 'box-7' }, timestamp: 1, optin: { ref: 'checkout' } },
  ]
  for (const item of items) t.match(only(parsed('page', item)), { type: 'message', from: { identities: [box] } })
  t.match(
    one({ message: { mid: 'm', text: 'x' }, prior_message: { source: 'checkbox_plugin', identifier: 'box-7' } }),
    {
      from: { identities: [mina.identities[0], box] },
    },
  )
})

t.test('trouble with the page is a notice', async (t) => {
  const policy = (name: string, action: string) =>
    only(parsed('page', { recipient: { id: settings.pageId }, timestamp: 1, [name]: { action, reason: 'R' } }))
  t.match(policy('policy_enforcement', 'block'), { type: 'notice', kind: 'policy_enforcement', severity: 'error' })
  t.match(policy('policy-enforcement', 'warning'), { kind: 'policy_enforcement', severity: 'warning' })
  t.match(policy('policy_enforcement', 'unblock'), { severity: 'info' })
  t.match(only(parsed('page', { recipient: { id: '1' }, timestamp: 1, app_roles: { '123': ['automation'] } })), {
    type: 'notice',
    severity: 'info',
    detail: { '123': ['automation'] },
  })
})
