import type { KeptBlob, Parsed } from '../channel.ts'
import type { Identity, MessageEvent } from '../neutral.ts'
import { type Mailbox, plusWord } from './address.ts'
import { isVouchedFor } from './authentication.ts'
import { automatedKind } from './automated.ts'
import type { MailPayload } from './event.ts'
import type { Mail } from './mail.ts'
import { bodyOf, checksOf, partyOf } from './message.ts'
import { momentOf } from './moment.ts'
import { filesOf } from './parts.ts'
import { placeOf } from './threading.ts'
import { messageOfId, tokenOf } from './token.ts'

const RECIPIENTS_MAX = 50

/**
 * A mail that the mailbox itself sent, copied to us (BCC, journaling): an answer that a colleague wrote with another
 * program, as an echo; or one of our own, which says that it was sent. An echo is answered by nobody, so no loop can
 * come of it. What went to nobody else, to a list, or is a report is left alone: spam likes to come from its victim.
 */
export async function ownMail(mail: Mail, payload: MailPayload, kept: KeptBlob | undefined): Promise<Parsed> {
  const { mailbox, externalId } = payload
  const { from } = mail
  const automated = automatedKind(mail.fields, from?.address)
  const [to, ...others] = recipientsOf(mail, mailbox)
  if (from === undefined || to === undefined || automated === 'bulk' || automated === 'report')
    return { outcome: 'ignored', reason: 'own_address' }
  const { purpose: _purpose, namedId: _namedId, ...placed } = placeOf(mail, payload.recipients, mailbox, externalId)
  const messageId = ownMessage(mail, externalId, mailbox)
  const media = await filesOf(mail, kept)
  const { content, text } = await bodyOf(mail, media, from)
  // Anybody can write our address into From: whoever shows the mail can say so.
  const fromVerified = isVouchedFor(from.address, checksOf(mail, payload))
  const event: MessageEvent = {
    type: 'message',
    externalId,
    ...(messageId === undefined ? {} : { messageId }),
    direction: 'outbound',
    historical: false,
    from: partyOf({ ...from, address: mailbox.toLowerCase() }, true),
    // What is proved to be ours went there: the address is theirs, as much as any can be.
    to: partyOf(to, fromVerified),
    alsoTo: others.map(({ address }): Identity => ({ kind: 'email', value: address, verified: false })),
    ...placed,
    occurredAt: momentOf(mail),
    message: { type: 'text', content: { ...content, fromVerified }, text },
    media,
    ...(mail.subject === undefined ? {} : { subject: mail.subject }),
    ...(automated === undefined ? {} : { automated }),
  }
  return { outcome: 'events', events: [event] }
}

/** Everybody else whom it went to as far as it says so, each once. */
function recipientsOf({ to, cc }: Mail, mailbox: string): Mailbox[] {
  const others = [...to, ...cc].filter(
    ({ address }) => address !== mailbox.toLowerCase() && plusWord(address, mailbox) === undefined,
  )
  return [...new Map(others.map((one) => [one.address, one])).values()].slice(0, RECIPIENTS_MAX)
}

/** Which of our messages it is, by its Message-ID, or where a server has given it another, by its Reply-To. */
function ownMessage({ replyTo }: Mail, externalId: string, mailbox: string): string | undefined {
  const [answers] = replyTo.map(({ address }) => tokenOf(address, mailbox))
  return messageOfId(externalId, mailbox) ?? (answers?.purpose === 'reply' ? answers.messageId : undefined)
}
