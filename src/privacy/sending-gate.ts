/**
 * The one gate before every message to a person: asked when it is queued and again when it is about to leave, since
 * what allows it may have changed meanwhile. Pure: the facts come in, a reason comes out.
 */
export interface SendingFacts {
  /** active or disabled */
  channelStatus: string
  channelState: string
  conversationState: string
  /** active, trashed, merged or erased */
  contactState: string
  /** Processing is restricted (GDPR art. 18). */
  isRestricted: boolean
  /** The address that it goes to; null where the conversation has none. */
  identityState: string | null
  /** When the contact last wrote. */
  lastInboundAt: Date | null
  /** What the contact last said about marketing here; null: nothing. */
  marketing: string | null
}

export interface Utterance {
  type: string
  text: string
  attachmentCount: number
  purpose: string | null
}

/** What the channel's type can do; null where this release does not speak with the provider. */
export interface Means {
  /** code points */
  textLength: number
  /** hours after the contact's last message in which free answers are allowed; null: always */
  replyHours: number | null
}

export type RefusalCode =
  | 'channel_trashed'
  | 'channel_disabled'
  | 'channel_not_supported'
  | 'conversation_trashed'
  | 'contact_trashed'
  | 'contact_merged'
  | 'contact_erased'
  | 'contact_restricted'
  | 'no_address'
  | 'address_trashed'
  | 'type_not_sendable'
  | 'text_empty'
  | 'text_too_long'
  | 'opted_out'
  | 'window_closed'

export interface Refusal {
  code: RefusalCode
  /** The member of the request that it hangs on, as a JSON pointer; empty for what no request could change. */
  path: string
  message: string
}

/** The reason why this must not be sent, or null. */
export function sendingRefusal(
  facts: SendingFacts,
  utterance: Utterance,
  means: Means | null,
  now: Date,
): Refusal | null {
  const refuse = (code: RefusalCode, message: string, path = ''): Refusal => ({ code, path, message })
  if (facts.channelState !== 'active') return refuse('channel_trashed', 'The channel is in the trash.')
  if (facts.channelStatus !== 'active') return refuse('channel_disabled', 'The channel is disabled.')
  if (means === null) return refuse('channel_not_supported', 'Nothing can be sent on a channel of this type yet.')
  if (facts.conversationState !== 'active') return refuse('conversation_trashed', 'The conversation is in the trash.')
  if (facts.contactState === 'merged') return refuse('contact_merged', 'The contact was merged into another.')
  if (facts.contactState === 'erased') return refuse('contact_erased', 'The contact was erased.')
  if (facts.contactState !== 'active') return refuse('contact_trashed', 'The contact is in the trash.')
  if (facts.isRestricted) return refuse('contact_restricted', 'Processing of this contact is restricted.')
  if (facts.identityState === null) return refuse('no_address', 'The conversation has no address to send to.')
  if (facts.identityState !== 'active') return refuse('address_trashed', 'The address is in the trash.')
  return contentRefusal(utterance, means) ?? wishRefusal(facts, utterance) ?? windowRefusal(facts, means, now)
}

function contentRefusal({ type, text, attachmentCount }: Utterance, { textLength }: Means): Refusal | null {
  if (type !== 'text')
    return { code: 'type_not_sendable', path: '/type', message: 'The channel can only be sent text.' }
  if (attachmentCount > 0)
    return { code: 'type_not_sendable', path: '/attachmentIds', message: 'The channel can only be sent text.' }
  if (text.trim() === '') return { code: 'text_empty', path: '/text', message: 'There is no text.' }
  const length = [...text].length
  if (length > textLength)
    return {
      code: 'text_too_long',
      path: '/text',
      message: `The channel takes at most ${textLength} characters; these are ${length}.`,
    }
  return null
}

/** Who has said stop gets no marketing; an answer to their own question is none. */
function wishRefusal({ marketing }: SendingFacts, { purpose }: Utterance): Refusal | null {
  return purpose?.toLowerCase() === 'marketing' && marketing === 'stop'
    ? { code: 'opted_out', path: '/purpose', message: 'The contact does not want marketing.' }
    : null
}

function windowRefusal({ lastInboundAt }: SendingFacts, { replyHours }: Means, now: Date): Refusal | null {
  if (replyHours === null) return null
  const closesAt = lastInboundAt === null ? null : lastInboundAt.getTime() + replyHours * 3_600_000
  if (closesAt !== null && now.getTime() < closesAt) return null
  return {
    code: 'window_closed',
    path: '',
    message: `The provider allows free answers for ${replyHours} hours after the contact’s last message.`,
  }
}
