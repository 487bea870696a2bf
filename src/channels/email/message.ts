import type { KeptBlob } from '../channel.ts'
import { compact, type JsonObject } from '../json.ts'
import type { MessageEvent, NeutralEvent, Party } from '../neutral.ts'
import type { Mailbox } from './address.ts'
import {
  authenticationResults,
  type Checks,
  isPass,
  isVouchedFor,
  signatureDomains,
  spamTests,
} from './authentication.ts'
import { automatedKind } from './automated.ts'
import { calendarOf } from './calendar.ts'
import type { MailPayload } from './event.ts'
import { fieldOf } from './header-block.ts'
import { safeHtml } from './html.ts'
import type { Mail } from './mail.ts'
import { momentOf } from './moment.ts'
import { filesOf } from './parts.ts'
import { folded } from './quote.ts'
import type { Sender } from './sender.ts'
import { placeOf } from './threading.ts'

/** What a mail with these words and nothing else asks for. */
const UNSUBSCRIBE_TEXT_MAX = 60

/** A mail from somebody as a message, and what it asks for besides. */
export async function messageEvents(
  mail: Mail,
  { person, from }: Sender,
  payload: MailPayload,
  kept: KeptBlob | undefined,
): Promise<NeutralEvent[]> {
  const { mailbox, externalId } = payload
  const isVouched = from !== undefined && isVouchedFor(from.address, checksOf(mail, payload))
  const sender = partyOf(person, isVouched && person.address === from.address)
  const place = placeOf(mail, payload.recipients, mailbox, externalId)
  const { purpose, namedId, ...placed } = place
  const occurredAt = momentOf(mail)
  const automated = automatedKind(mail.fields, (from ?? person).address)
  const asks: NeutralEvent[] =
    purpose === 'unsubscribe'
      ? [
          {
            type: 'preference',
            category: 'marketing',
            state: 'stop',
            detail: { mail: 'unsubscribe' },
            // Our mail went to whom this comes from, wherever they want answers to go.
            from: from === undefined ? sender : partyOf(from, isVouched),
            ...(namedId === undefined ? {} : { messageId: namedId }),
            occurredAt,
          },
        ]
      : []
  const media = await filesOf(mail, kept)
  // Programs write such mails; a person's words beside the wish are a message all the same.
  if (asks.length > 0 && media.length === 0 && mail.text.trim().length <= UNSUBSCRIBE_TEXT_MAX) return asks
  const { content, text } = await bodyOf(mail, media, from?.address === person.address ? undefined : from)
  const message: MessageEvent = {
    type: 'message',
    externalId,
    direction: 'inbound',
    historical: false,
    from: sender,
    ...placed,
    occurredAt,
    message: { type: 'text', content, text },
    media,
    ...(mail.subject === undefined ? {} : { subject: mail.subject }),
    ...(automated === undefined ? {} : { automated }),
  }
  return [message, ...asks]
}

export function partyOf({ address, name }: Mailbox, verified: boolean): Party {
  return {
    identities: [{ kind: 'email', value: address, verified }],
    email: address,
    ...(name === undefined || name.toLowerCase() === address ? {} : { displayName: name }),
  }
}

/** What the receiving service found, in the mail's header or beside it; nothing where nobody is trusted. */
export function checksOf(mail: Mail, { provider, checks, authservId }: MailPayload): Checks {
  const { fields, from } = mail
  if (provider === 'raw') return authenticationResults(fields, authservId ?? undefined, from?.address)
  if (provider === 'postmark') return spamTests(fields).has('DKIM_VALID_AU') ? { dmarc: true } : {}
  if (provider === 'mailgun') {
    const { spf, ...beside } = checks
    const domains = signatureDomains(fields)
    // It says of one signature that it is valid, and not of which: so it counts where all are of one domain.
    const isOne = new Set(domains).size === 1 && isPass(fieldOf(fields, 'x-mailgun-dkim-check-result'))
    const isSpf = spf !== undefined && isPass(fieldOf(fields, 'x-mailgun-spf'))
    return { ...beside, ...(isOne ? { dkim: domains } : {}), ...(isSpf ? { spf } : {}) }
  }
  return checks
}

/** @param from what From says, where somebody else is the person */
export async function bodyOf(
  mail: Mail,
  media: MessageEvent['media'],
  from: Mailbox | undefined,
): Promise<{ content: JsonObject; text: string }> {
  const { text, quoted } = folded(mail.text)
  const html = mail.html === undefined ? undefined : await safeHtml(mail.html)
  const invitation = mail.parts.find(
    (part) => /^(?:text\/calendar|application\/ics)$/.test(part.mediaType) && part.content,
  )
  const calendar = invitation?.content === undefined ? undefined : calendarOf(invitation.content, invitation.method)
  const listed = media.map(({ kind, filename }) => `[${kind}] ${filename ?? ''}`.trim()).join('\n')
  return {
    content: compact({
      text,
      quoted,
      html,
      calendar,
      from: from === undefined ? undefined : shownOne(from),
      to: shown(mail.to),
      cc: shown(mail.cc),
      replyTo: shown(mail.replyTo),
      sentAt: mail.date?.toISOString(),
      truncated: mail.isCut ? true : undefined,
    }),
    text: text === '' ? listed : text,
  }
}

function shown(mailboxes: readonly Mailbox[]): JsonObject[] | undefined {
  return mailboxes.length === 0 ? undefined : mailboxes.map(shownOne)
}

const shownOne = ({ address, name }: Mailbox): JsonObject => compact({ address, name })
