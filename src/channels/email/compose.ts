import type { Readable } from 'node:stream'
import type { OutboundMessage } from '../channel.ts'
import { shortened } from './mime.ts'
import type { EmailSettings } from './settings.ts'
import { ownMessageId, tokenAddress } from './token.ts'

const REFERENCES_MAX = 30

export interface Composed {
  /** without brackets */
  messageId: string
  envelope: { from: string; to: string }
  /** the mail, built while it is read: its files pass through */
  stream: Readable
}

/**
 * An answer as a mail. Its Message-ID is made from our message's id, the same at every attempt, and so is the word in
 * Reply-To: whichever of them an answer brings back leads to this message.
 */
export async function composed(message: OutboundMessage, to: string, settings: EmailSettings): Promise<Composed> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer')
  const { address, displayName } = settings
  const messageId = ownMessageId(message.id, address)
  const { content } = message
  const html = content.type === 'text' ? content.html : undefined
  const mail = new MailComposer({
    from: displayName === undefined ? address : { name: displayName, address },
    to,
    subject: subjectOf(message),
    messageId: `<${messageId}>`,
    date: new Date(),
    text: content.text,
    ...(html === undefined ? {} : { html }),
    headers: headersOf(message, settings),
    // nodemailer would take a path or an address out of what stands here: nothing of ours has one.
    disableFileAccess: true,
    disableUrlAccess: true,
    attachments: await Promise.all(
      message.files.map(async (file) => ({
        filename: file.fileName ?? 'file',
        contentType: file.mediaType,
        content: await file.open(),
      })),
    ),
  }).compile()
  return { messageId, envelope: { from: address, to }, stream: mail.createReadStream() }
}

function headersOf(message: OutboundMessage, settings: EmailSettings): Record<string, string> {
  const { address } = settings
  const answered = message.replyTo ?? message.references?.[0]
  const references = [
    ...new Set([...(message.references ?? []).slice(0, REFERENCES_MAX).toReversed(), ...listOf(answered)]),
  ]
  const isPlus = settings.plusAddressing !== false
  const unsubscribe = [
    ...(message.unsubscribeUrl === undefined ? [] : [`<${message.unsubscribeUrl}>`]),
    ...(isPlus ? [`<mailto:${tokenAddress(address, 'unsubscribe', message.id)}?subject=unsubscribe>`] : []),
  ].join(', ')
  return {
    ...(answered === undefined ? {} : { 'In-Reply-To': bracketed(answered) }),
    ...(references.length === 0 ? {} : { References: references.map(bracketed).join(' ') }),
    ...(isPlus ? { 'Reply-To': tokenAddress(address, 'reply', message.id) } : {}),
    // RFC 8058: the two go together, and on marketing only.
    ...(message.unsubscribeUrl === undefined
      ? {}
      : { 'List-Unsubscribe': unsubscribe, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    // RFC 3834: nobody answers this by a machine.
    ...(message.isAutomatic ? { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' } : {}),
  }
}

const listOf = (one: string | undefined): string[] => (one === undefined ? [] : [one])

/** An id is a sender's word: nothing of it may end a header's line. */
const bracketed = (id: string): string => `<${id.replaceAll(/[\s<>\p{Cc}]/gu, '')}>`

/** An answer has the subject of what it answers, with one "Re:", whatever languages put before it. */
function subjectOf({ subject, replyTo, references }: OutboundMessage): string {
  const bare = shortened(
    subject?.replace(/^(?:\s*(?:re|aw|antw|sv|vs|odp|rif|res|回复|答复|回覆|返信)\s*(?:\[\d{1,3}\])?\s*[:：])+/i, ''),
  )
  if (bare === undefined) return '(no subject)'
  return replyTo === undefined && (references ?? []).length === 0 ? (shortened(subject) ?? bare) : `Re: ${bare}`
}
