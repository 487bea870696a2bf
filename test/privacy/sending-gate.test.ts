import t from 'tap'
import {
  isHumanAgent,
  type Means,
  type SendingFacts,
  sendingRefusal,
  type Utterance,
} from '../../src/privacy/sending-gate.ts'

const now = new Date('2026-11-22T12:00:00Z')
const facts: SendingFacts = {
  channelStatus: 'active',
  channelState: 'active',
  conversationState: 'active',
  contactState: 'active',
  isRestricted: false,
  identityState: 'active',
  lastInboundAt: new Date('2026-11-22T11:00:00Z'),
  isUndeliverable: false,
  marketing: null,
  blockedAt: null,
}
const utterance: Utterance = {
  ...{ type: 'text', text: 'Hello', files: [], hasSubject: false },
  ...{ purpose: 'support', isByMember: false },
}
const means: Means = { textLength: 10, files: [], filesMax: 0, templates: false, subject: false, replyHours: 24 }
const code = (changed: Partial<SendingFacts> = {}, said: Partial<Utterance> = {}, can: Means | null = means) =>
  sendingRefusal({ ...facts, ...changed }, { ...utterance, ...said }, can, now)?.code ?? 'may be sent'

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
  t.equal(code({}, { files: ['image'] }), 'type_not_sendable')
  t.equal(code({}, { hasSubject: true }), 'subject_not_sendable')
})

t.test('a text is counted as the channel counts', async (t) => {
  const counted = (text: string, textUnit: Means['textUnit']) => code({}, { text }, { ...means, textUnit })
  t.equal(counted('ü'.repeat(5), 'byte'), 'may be sent')
  t.equal(counted('ü'.repeat(6), 'byte'), 'text_too_long')
  t.equal(counted('😀'.repeat(5), 'utf16'), 'may be sent')
  t.equal(counted('😀'.repeat(6), 'utf16'), 'text_too_long')
})

t.test('what of a message the channel does not take is the reason, after all that forbids any message', async (t) => {
  const misfit = { code: 'part_too_long', path: '/interactive/header', message: 'x' } as const
  const rich: Partial<Utterance> = { type: 'interactive', misfit }
  t.equal(code({}, rich), 'part_too_long')
  t.equal(code({}, { ...rich, misfit: null }), 'may be sent')
  t.equal(code({}, { ...rich, misfit: null, files: ['image'] }), 'file_not_sendable')
  t.equal(code({ isRestricted: true }, rich), 'contact_restricted')
  t.equal(code({ lastInboundAt: null }, { ...rich, misfit: null }), 'window_closed', 'they are answers like others')
})

t.test('the window closes when the hours are over, to the moment', async (t) => {
  t.equal(code({ lastInboundAt: new Date('2026-11-21T12:00:01Z') }), 'may be sent')
  t.equal(code({ lastInboundAt: new Date('2026-11-21T12:00:00Z') }), 'window_closed')
  t.equal(code({ lastInboundAt: null }), 'window_closed', 'who never wrote has opened none')
  t.equal(code({ lastInboundAt: null }, {}, { ...means, replyHours: null }), 'may be sent')
})

t.test('who said stop gets no marketing, but an answer', async (t) => {
  t.equal(code({ marketing: 'stop' }, { purpose: 'marketing' }), 'opted_out')
  t.equal(code({ marketing: 'stop' }, { purpose: 'Marketing' }), 'opted_out')
  t.equal(code({ marketing: 'resume' }, { purpose: 'marketing' }), 'may be sent')
  t.equal(code({ marketing: 'stop' }, { purpose: 'support' }), 'may be sent')
  t.equal(code({ marketing: 'stop' }, { purpose: null }), 'may be sent')
})

t.test('files are sent where the channel takes them, as many and with as long a caption as it takes', async (t) => {
  const can: Means = { ...means, files: ['image', 'document'], filesMax: 2, captionLength: 3, subject: true }
  const file = (said: Partial<Utterance>) => code({}, { type: 'image', text: '', files: ['image'], ...said }, can)
  t.equal(file({}), 'may be sent', 'a file needs no words')
  t.equal(file({ text: 'abc' }), 'may be sent')
  t.equal(file({ text: 'abcd' }), 'text_too_long')
  t.equal(file({ files: ['image', 'image', 'image'] }), 'too_many_files')
  t.equal(file({ files: ['image', 'video'] }), 'file_not_sendable')
  t.equal(file({ files: [] }), 'type_not_sendable', 'an image without an image')
  t.equal(file({ hasSubject: true }), 'may be sent')
})

t.test('templates go out whatever the window says, where there are any', async (t) => {
  const template: Partial<Utterance> = { type: 'template' }
  const late = { lastInboundAt: null }
  t.equal(code(late, template), 'template_not_sendable')
  t.equal(code(late, template, { ...means, templates: true }), 'may be sent')
  t.equal(
    code({ ...late, marketing: 'stop' }, { ...template, purpose: 'marketing' }, { ...means, templates: true }),
    'opted_out',
  )
})

t.test('a person may answer for longer where the provider allows it, and the provider is told', async (t) => {
  const can: Means = { ...means, humanAgentHours: 168 }
  const ago = (hours: number) => ({ lastInboundAt: new Date(now.getTime() - hours * 3_600_000) })
  const byMember = { isByMember: true }
  t.equal(code(ago(25), byMember, can), 'may be sent')
  t.equal(code(ago(25), {}, can), 'window_closed', 'a machine may not')
  t.equal(code(ago(25), byMember, means), 'window_closed', 'nor anybody elsewhere')
  t.equal(code(ago(168), byMember, can), 'window_closed')
  t.equal(isHumanAgent({ ...facts, ...ago(25) }, { ...utterance, ...byMember }, can, now), true)
  t.equal(isHumanAgent({ ...facts, ...ago(23) }, { ...utterance, ...byMember }, can, now), false)
})

t.test('nothing goes to an address that bounces', async (t) => {
  t.equal(code({ isUndeliverable: true }), 'address_undeliverable')
})

t.test('who has blocked us gets nothing, but an answer to what they wrote after that', async (t) => {
  const blockedAt = new Date('2026-11-22T11:30:00Z')
  t.equal(code({ blockedAt }), 'blocked')
  const since = { blockedAt, lastInboundAt: new Date('2026-11-22T11:31:00Z') }
  t.equal(code(since), 'may be sent')
  t.equal(code(since, { purpose: 'marketing' }), 'opted_out', 'which is no consent to marketing')
})
