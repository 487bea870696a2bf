import t from 'tap'
import type { JsonObject, JsonValue } from '../../../src/channels/json.ts'
import { customerOf } from '../../../src/channels/neutral.ts'
import { whatsapp } from '../../../src/channels/whatsapp/index.ts'
import { change, message, mina, only, parsed, split, webhook } from './fixtures.ts'

const identities = [
  { kind: 'whatsapp', value: '4915112345678', verified: true },
  { kind: 'whatsapp_bsuid', value: 'DE.4711', verified: true },
  { kind: 'whatsapp_parent_bsuid', value: 'DE.ENT.99', verified: true },
  { kind: 'phone', value: '+4915112345678', verified: true },
]

t.test('a status names our message, whom it concerns and why it failed', async (t) => {
  const status = (body: JsonObject) =>
    only(
      parsed(
        webhook(
          change('messages', {
            statuses: [
              {
                id: 'wamid.1',
                timestamp: '1790000001',
                recipient_id: mina.wa_id,
                recipient_user_id: 'DE.4711',
                parent_recipient_user_id: 'DE.ENT.99',
                ...body,
              },
            ],
          }),
        ),
      ),
    )
  for (const word of ['sent', 'delivered', 'read', 'deleted'])
    t.match(status({ status: word }), {
      type: 'status',
      externalId: 'wamid.1',
      status: word,
      recipient: { identities },
      error: undefined,
    })
  t.match(status({ status: 'played' }), { status: 'read', providerStatus: 'played' })
  t.match(status({ status: 'sent', biz_opaque_callback_data: 'our-id', pricing: { pricing_model: 'PMP' } }), {
    messageId: 'our-id',
    billing: { pricing: { pricingModel: 'PMP' } },
  })
  for (const [code, failure] of [
    [131047, 'window_closed'],
    [131050, 'opted_out'],
    [131026, 'permanent'],
    [131049, 'limit'],
    [190, 'reauthorise'],
    [130429, 'transient'],
    [999999, 'permanent'],
  ] as const) {
    t.match(status({ status: 'failed', errors: [{ code, title: 'T', error_data: { details: 'D' } }] }), {
      status: 'failed',
      error: { code: String(code), message: 'D', class: failure },
    })
  }
  t.match(status({ status: 'failed' }), { error: { code: 'unknown', class: 'permanent' } })
  const strange = only(
    split(webhook(change('messages', { statuses: [{ id: 'x', status: 'warning', recipient_id: '1' }] }))),
  )
  t.strictSame(whatsapp.parse(strange), { outcome: 'failed', reason: 'status_unknown' })
})

t.test('a changed phone or BSUID says old and new', async (t) => {
  const values = (list: { value: string }[]) => list.map(({ value }) => value)
  const system = (body: JsonObject, item: JsonObject = {}) => {
    const event = only(
      parsed(webhook(change('messages', { messages: [{ ...message({ type: 'system', system: body }), ...item }] }))),
    )
    if (event.type !== 'identityChange') throw new Error(event.type)
    return [event.reason, values(event.old), values(event.current)]
  }
  t.strictSame(system({ type: 'user_changed_number', wa_id: '4917299999999', body: 'x' }), [
    'phone_changed',
    ['4915112345678', '+4915112345678'],
    ['4917299999999', '+4917299999999'],
  ])
  t.strictSame(
    system(
      { type: 'user_changed_user_id', previous_user_id: 'DE.1', user_id: 'DE.2', parent_user_id: 'DE.ENT.2' },
      { from: undefined as unknown as JsonValue },
    ),
    ['user_id_changed', ['DE.1'], ['DE.2', 'DE.ENT.2']],
  )
  t.strictSame(
    system(
      { type: 'user_changed_user_id', body: 'User M changed from DE.1 to DE.2' },
      { from: undefined as unknown as JsonValue },
    ),
    ['user_id_changed', ['DE.1'], ['DE.2']],
    'the old id in the text only',
  )
  const update = {
    wa_id: mina.wa_id,
    user_id: { previous: 'DE.1', current: 'DE.2' },
    parent_user_id: { previous: 'DE.ENT.1', current: 'DE.ENT.2' },
    timestamp: 1790000001,
  }
  const event = only(parsed(webhook(change('user_id_update', { user_id_update: [update] }))))
  if (event.type !== 'identityChange') throw new Error(event.type)
  t.strictSame(
    [values(event.old), values(event.current)],
    [
      ['DE.1', 'DE.ENT.1'],
      ['4915112345678', 'DE.2', 'DE.ENT.2', '+4915112345678'],
    ],
  )
})

t.test('marketing preferences are stop or resume with their evidence, for the person they name', async (t) => {
  const preference = (value: string, contacts: JsonObject[] = [mina]) =>
    webhook(
      change('user_preferences', {
        contacts,
        user_preferences: [
          { wa_id: mina.wa_id, category: 'marketing_messages', value, detail: 'D', timestamp: 1790000001 },
        ],
      }),
    )
  t.match(only(parsed(preference('stop'))), {
    type: 'preference',
    category: 'marketing',
    state: 'stop',
    detail: { value: 'stop', text: 'D' },
    from: { identities },
  })
  t.match(only(parsed(preference('resume'))), { state: 'resume' })
  t.match(only(parsed(preference('signup'))), { state: 'resume', detail: { value: 'signup' } })
  t.strictSame(whatsapp.parse(only(split(preference('maybe')))), { outcome: 'failed', reason: 'preference_unknown' })
  const other = only(parsed(preference('stop', [{ ...mina, wa_id: '33612345678' }])))
  t.strictSame(
    customerOf(other)?.identities.map(({ value }) => value),
    ['4915112345678', '+4915112345678'],
  )
})

t.test('what concerns the account is a notice whose severity does not depend on names', async (t) => {
  const notice = (field: string, value: JsonObject) => only(parsed(webhook({ field, value })))
  t.match(notice('account_update', { event: 'ACCOUNT_DELETED' }), {
    type: 'notice',
    kind: 'account_update',
    severity: 'error',
  })
  t.match(notice('account_update', { event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'REINSTATE' } }), {
    severity: 'info',
  })
  t.match(
    notice('message_template_status_update', { event: 'APPROVED', message_template_name: 'abandoned_disabled_cart' }),
    { severity: 'info', text: 'message template status update: abandoned_disabled_cart APPROVED' },
  )
  t.match(notice('message_template_status_update', { event: 'REJECTED', message_template_name: 'x' }), {
    severity: 'warning',
    detail: { messageTemplateName: 'x' },
  })
  t.match(notice('account_alerts', { alert_info: { alert_severity: 'CRITICAL', alert_type: 'CAPABILITY' } }), {
    severity: 'error',
    text: 'account alerts: CAPABILITY CRITICAL',
  })
  t.match(notice('account_alerts', { alert_info: { alert_severity: 'INFORMATIONAL', alert_type: 'OBA_APPROVED' } }), {
    severity: 'info',
  })
  t.match(notice('group_participants_update', { groups: [{ group_id: 'G', type: 'joined' }] }), {
    kind: 'group_participants_update',
  })
  t.match(only(parsed(webhook(change('messages', { errors: [{ code: 131000, title: 'T' }] })))), {
    type: 'notice',
    severity: 'warning',
  })
  t.strictSame(whatsapp.parse(only(split(webhook({ field: 'brand_new', value: { a: 1 } })))), {
    outcome: 'failed',
    reason: 'field_unknown',
  })
  const empty: JsonObject[] = [{}, { messaging_product: 'whatsapp', metadata: {}, messages: [] }]
  for (const value of empty)
    t.strictSame(whatsapp.parse(only(split(webhook({ field: 'messages', value })))), {
      outcome: 'ignored',
      reason: 'empty',
    })
})

t.test('a call is in the history once, when it ends', async (t) => {
  const call = (body: JsonObject) =>
    webhook(
      change('calls', {
        contacts: [mina],
        calls: [
          {
            id: 'wacid.1',
            from: mina.wa_id,
            to: '493055570000',
            direction: 'USER_INITIATED',
            timestamp: 1790000001,
            ...body,
          },
        ],
      }),
    )
  t.strictSame(whatsapp.parse(only(split(call({ event: 'connect' })))), {
    outcome: 'ignored',
    reason: 'call_signalling',
  })
  t.match(only(parsed(call({ event: 'terminate', status: 'COMPLETED', duration: 120 }))), {
    type: 'message',
    externalId: 'wacid.1',
    direction: 'inbound',
    message: { type: 'call', text: '[call] completed, 120 s', content: { durationSeconds: 120 } },
    from: { identities },
  })
  t.equal(
    whatsapp.parse(
      only(split(webhook(change('calls', { statuses: [{ id: 'w', status: 'RINGING', recipient_id: '1' }] })))),
    ).outcome,
    'ignored',
  )
})
