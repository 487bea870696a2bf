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
  /** Its provider has called the address undeliverable, and nobody has written from it since. */
  isUndeliverable: boolean
  /** When the contact last wrote. */
  lastInboundAt: Date | null
  /** What the contact last said about marketing here; null: nothing. */
  marketing: string | null
  /** Since when the contact wants no message at all here (blocked, unfollowed); null: that is not so. */
  blockedAt: Date | null
  /** A machine wrote what the contact's side said last (an out-of-office note, a newsletter). */
  isLastAutomated?: boolean
}

export interface Utterance {
  /** text, template, the kind of its files, or what else it is (choices, a place, contact cards) */
  type: string
  /** of the latter: what of it the channel does not take, null where all fits; left out: it is none of these */
  misfit?: Refusal | null
  text: string
  /** the kinds of its files */
  files: readonly string[]
  hasSubject: boolean
  purpose: string | null
  /** A person of the house wrote it, by hand or through a program that acts for them. */
  isByMember: boolean
}

/** What the channel's type can do; null where this release does not speak with the provider. */
export interface Means {
  /** counted in `textUnit`: code points unless given */
  textLength: number
  textUnit?: 'character' | 'utf16' | 'byte'
  /** of the text beside a file; left out: as of any text */
  captionLength?: number
  /** kinds of files that it can be sent, as many in one message */
  files: readonly string[]
  filesMax: number
  templates: boolean
  subject: boolean
  /** hours after the contact's last message in which free answers are allowed; null: always */
  replyHours: number | null
  /** beyond those, hours in which a person may answer */
  humanAgentHours?: number
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
  | 'address_undeliverable'
  | 'type_not_sendable'
  | 'file_not_sendable'
  | 'too_many_files'
  | 'part_not_sendable'
  | 'part_missing'
  | 'part_too_long'
  | 'too_many_parts'
  | 'duplicate_part'
  | 'template_missing'
  | 'template_not_sendable'
  | 'subject_not_sendable'
  | 'text_empty'
  | 'text_too_long'
  | 'opted_out'
  | 'blocked'
  | 'automated'
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
  if (facts.isUndeliverable)
    return refuse(
      'address_undeliverable',
      'The provider could not deliver to this address; nobody has written from it since.',
    )
  // Two programs that answer each other never end.
  if (facts.isLastAutomated && !utterance.isByMember)
    return refuse('automated', 'A program wrote the last message: only a person answers it.')
  return (
    contentRefusal(utterance, means) ?? wishRefusal(facts, utterance) ?? windowRefusal(facts, utterance, means, now)
  )
}

/** Whether this goes out only because a person wrote it: the provider is told so. */
export function isHumanAgent({ lastInboundAt }: SendingFacts, { type }: Utterance, means: Means, now: Date): boolean {
  const { replyHours, humanAgentHours } = means
  return (
    type !== 'template' &&
    replyHours !== null &&
    humanAgentHours !== undefined &&
    !isOpen(lastInboundAt, replyHours, now)
  )
}

function contentRefusal(utterance: Utterance, means: Means): Refusal | null {
  const { type, text, files, hasSubject } = utterance
  const refuse = (code: RefusalCode, path: string, message: string): Refusal => ({ code, path, message })
  if (hasSubject && !means.subject)
    return refuse('subject_not_sendable', '/subject', 'The channel’s messages have no subject.')
  if (type === 'template') {
    if (!means.templates) return refuse('template_not_sendable', '/type', 'The channel knows no templates.')
    return files.length === 0 ? null : refuse('file_not_sendable', '/attachmentIds', 'A template brings its own files.')
  }
  if (utterance.misfit !== undefined)
    return files.length === 0
      ? utterance.misfit
      : refuse('file_not_sendable', '/attachmentIds', 'A message of this type has no files beside it.')
  if (type !== 'text' && files.length === 0)
    return refuse('type_not_sendable', '/type', 'A message of this type is a file: attach one.')
  if (files.length > 0 && means.filesMax === 0)
    return refuse('type_not_sendable', '/attachmentIds', 'The channel can only be sent text.')
  if (files.length > means.filesMax)
    return refuse('too_many_files', '/attachmentIds', `The channel takes at most ${means.filesMax} in one message.`)
  const other = files.findIndex((kind) => !means.files.includes(kind))
  if (other !== -1)
    return refuse('file_not_sendable', `/attachmentIds/${other}`, `The channel takes ${means.files.join(', ')}.`)
  if (text.trim() === '') return files.length > 0 ? null : refuse('text_empty', '/text', 'There is no text.')
  const { textUnit = 'character' } = means
  const length = lengthOf(text, textUnit)
  const max = files.length > 0 ? (means.captionLength ?? means.textLength) : means.textLength
  const unit = textUnit === 'byte' ? 'bytes in UTF-8' : 'characters'
  if (length > max)
    return refuse('text_too_long', '/text', `The channel takes at most ${max} ${unit}; these are ${length}.`)
  return null
}

function lengthOf(text: string, unit: 'character' | 'utf16' | 'byte'): number {
  if (unit === 'byte') return Buffer.byteLength(text)
  return unit === 'utf16' ? text.length : [...text].length
}

/**
 * Who has said stop gets no marketing; an answer to their own question is none.
 *
 * Who has blocked us gets nothing: the provider would refuse it anyway, and where it would not, it is not wanted. Yet
 * whoever writes after that has begun to talk again (Telegram tells nobody of an unblock that comes with a message, and a
 * person who unsubscribed from all mail may still ask where a parcel is): that is answered, as free answers go, and it is
 * no consent to anything else. Marketing needs them to have said so in so many words (`resume`).
 */
function wishRefusal({ marketing, blockedAt, lastInboundAt }: SendingFacts, { purpose }: Utterance): Refusal | null {
  const isMarketing = purpose?.toLowerCase() === 'marketing'
  if (isMarketing && (marketing === 'stop' || blockedAt !== null))
    return { code: 'opted_out', path: '/purpose', message: 'The contact does not want marketing.' }
  if (blockedAt !== null && (lastInboundAt === null || lastInboundAt <= blockedAt))
    return { code: 'blocked', path: '', message: 'The contact wants no messages here, and has not written since.' }
  return null
}

const hourMs = 3_600_000

const isOpen = (lastInboundAt: Date | null, hours: number, now: Date): boolean =>
  lastInboundAt !== null && now.getTime() < lastInboundAt.getTime() + hours * hourMs

function windowRefusal(
  { lastInboundAt }: SendingFacts,
  { type, isByMember }: Utterance,
  { replyHours, humanAgentHours }: Means,
  now: Date,
): Refusal | null {
  if (replyHours === null || type === 'template' || isOpen(lastInboundAt, replyHours, now)) return null
  if (isByMember && humanAgentHours !== undefined && isOpen(lastInboundAt, humanAgentHours, now)) return null
  const people = humanAgentHours === undefined ? '' : `, and a person’s for ${humanAgentHours}`
  return {
    code: 'window_closed',
    path: '',
    message: `The provider allows free answers for ${replyHours} hours after the contact’s last message${people}.`,
  }
}
