import t from 'tap'
import { type SendingFacts, sendingRefusal, type Utterance } from '../../src/privacy/sending-gate.ts'

const now = new Date('2026-11-22T12:00:00Z')
const facts: SendingFacts = {
  channelStatus: 'active',
  channelState: 'active',
  conversationState: 'active',
  contactState: 'active',
  isRestricted: false,
  identityState: 'active',
  lastInboundAt: new Date('2026-11-22T11:00:00Z'),
  marketing: null,
}
const utterance: Utterance = { type: 'text', text: 'Hello', attachmentCount: 0, purpose: 'support' }
const means = { textLength: 10, replyHours: 24 }
const code = (
  changed: Partial<SendingFacts> = {},
  said: Partial<Utterance> = {},
  can: typeof means | { textLength: number; replyHours: null } | null = means,
) => sendingRefusal({ ...facts, ...changed }, { ...utterance, ...said }, can, now)?.code ?? 'may be sent'

t.test('what nothing forbids may be sent', async (t) => {
  t.equal(code(), 'may be sent')
})

t.test('every state that forbids sending has its own reason', async (t) => {
  t.equal(code({ channelState: 'trashed' }), 'channel_trashed')
  t.equal(code({ channelStatus: 'disabled' }), 'channel_disabled')
  t.equal(code({}, {}, null), 'channel_not_supported')
  t.equal(code({ conversationState: 'trashed' }), 'conversation_trashed')
  t.equal(code({ contactState: 'trashed' }), 'contact_trashed')
  t.equal(code({ contactState: 'merged' }), 'contact_merged')
  t.equal(code({ contactState: 'erased' }), 'contact_erased')
  t.equal(code({ isRestricted: true }), 'contact_restricted')
  t.equal(code({ identityState: null }), 'no_address')
  t.equal(code({ identityState: 'trashed' }), 'address_trashed')
})

t.test('a text fits the channel, counted as people count characters', async (t) => {
  t.equal(code({}, { text: '😀'.repeat(10) }), 'may be sent')
  t.equal(code({}, { text: '😀'.repeat(11) }), 'text_too_long')
  t.equal(code({}, { text: ' \n' }), 'text_empty')
  t.equal(code({}, { type: 'image' }), 'type_not_sendable')
  t.equal(code({}, { attachmentCount: 1 }), 'type_not_sendable')
})

t.test('the window closes when the hours are over, to the moment', async (t) => {
  t.equal(code({ lastInboundAt: new Date('2026-11-21T12:00:01Z') }), 'may be sent')
  t.equal(code({ lastInboundAt: new Date('2026-11-21T12:00:00Z') }), 'window_closed')
  t.equal(code({ lastInboundAt: null }), 'window_closed', 'who never wrote has opened none')
  t.equal(code({ lastInboundAt: null }, {}, { textLength: 10, replyHours: null }), 'may be sent')
})

t.test('who said stop gets no marketing, but an answer', async (t) => {
  t.equal(code({ marketing: 'stop' }, { purpose: 'marketing' }), 'opted_out')
  t.equal(code({ marketing: 'stop' }, { purpose: 'Marketing' }), 'opted_out')
  t.equal(code({ marketing: 'resume' }, { purpose: 'marketing' }), 'may be sent')
  t.equal(code({ marketing: 'stop' }, { purpose: 'support' }), 'may be sent')
  t.equal(code({ marketing: 'stop' }, { purpose: null }), 'may be sent')
})
