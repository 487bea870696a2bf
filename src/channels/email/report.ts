import { wellFormed } from '../json.ts'
import type { BounceEvent, NeutralEvent, PreferenceEvent, StatusEvent } from '../neutral.ts'
import { emailAddress, firstAddress } from './address.ts'
import { fieldOf, fieldsOf, type HeaderFields, messageIds } from './header-block.ts'
import type { Mail } from './mail.ts'
import { momentOf } from './moment.ts'
import { messageOfId } from './token.ts'

const RECIPIENTS_MAX = 100
const TEXT_LENGTH_MAX = 500

/**
 * What a report says of mail that was sent: which addresses took it, which did not, who complained. Sources: RFC 3464
 * (delivery status), RFC 5965 (ARF), RFC 8098 (receipts); Exim's X-Failed-Recipients.
 */
export function reportEvents(mail: Mail, mailbox: string): NeutralEvent[] {
  const original = originalId(mail)
  const messageId = original === undefined ? undefined : messageOfId(original, mailbox)
  const about = {
    ...(original === undefined ? {} : { externalId: original }),
    ...(messageId === undefined ? {} : { messageId }),
    occurredAt: momentOf(mail),
  }
  const complaint = partText(mail, 'message/feedback-report')
  if (complaint !== undefined) return complaintOf(fieldsOf(complaint), mail, about)
  const read = partText(mail, 'message/disposition-notification')
  if (read !== undefined) return readEvent(fieldsOf(read), mailbox, about.occurredAt)
  const status = partText(mail, 'message/delivery-status') ?? partText(mail, 'message/global-delivery-status')
  if (status !== undefined) return recipientsOf(status).flatMap((fields) => deliveryEvent(fields, about))
  const failed = fieldOf(mail.fields, 'x-failed-recipients')
  if (failed === undefined) return []
  return failed
    .split(',')
    .slice(0, RECIPIENTS_MAX)
    .flatMap((one) => {
      const address = emailAddress(one)
      return address === undefined ? [] : [bounce(address, '5.0.0', 'undeliverable', about)]
    })
}

interface About {
  externalId?: string
  messageId?: string
  occurredAt: Date | null
}

function partText(mail: Mail, mediaType: string): string | undefined {
  const content = mail.parts.find((part) => part.mediaType === mediaType)?.content
  return content === undefined ? undefined : wellFormed(content.toString('utf8'))
}

/** The Message-ID of what came back, whole or its header only. */
function originalId(mail: Mail): string | undefined {
  const original =
    partText(mail, 'message/rfc822') ??
    partText(mail, 'text/rfc822-headers') ??
    partText(mail, 'message/rfc822-headers')
  const named = original === undefined ? undefined : fieldOf(fieldsOf(original), 'message-id')
  return messageIds(named ?? fieldOf(mail.fields, 'in-reply-to'))[0]
}

/** One block per recipient, below the one about the message. */
function recipientsOf(text: string): HeaderFields[] {
  return text
    .replaceAll('\r\n', '\n')
    .split(/\n\s*\n/)
    .map((block) => fieldsOf(block.trim()))
    .filter((fields) => fields.has('final-recipient') || fields.has('original-recipient') || fields.has('action'))
    .slice(0, RECIPIENTS_MAX)
}

function deliveryEvent(fields: HeaderFields, about: About): (BounceEvent | StatusEvent)[] {
  const address = recipient(fieldOf(fields, 'final-recipient')) ?? recipient(fieldOf(fields, 'original-recipient'))
  if (address === undefined) return []
  const action = fieldOf(fields, 'action')?.toLowerCase().split(/\s/)[0]
  const status = /[245]\.\d{1,3}\.\d{1,3}/.exec(
    fieldOf(fields, 'status') ?? fieldOf(fields, 'diagnostic-code') ?? '',
  )?.[0]
  if (action === 'failed') {
    const diagnostic = fieldOf(fields, 'diagnostic-code')?.replace(/^[\w-]+;\s*/, '')
    return [bounce(address, status ?? '5.0.0', diagnostic ?? 'undeliverable', about)]
  }
  if (action !== 'delivered' || about.externalId === undefined) return []
  const { externalId, messageId, occurredAt } = about
  return [
    {
      type: 'status',
      externalId,
      ...(messageId === undefined ? {} : { messageId }),
      status: 'delivered',
      providerStatus: 'delivered',
      recipient: { identities: [{ kind: 'email', value: address, verified: true }] },
      occurredAt,
    },
  ]
}

/** `rfc822; somebody@example.com` */
const recipient = (value: string | undefined): string | undefined => firstAddress(value?.slice(value.indexOf(';') + 1))

function bounce(address: string, code: string, text: string, about: About): BounceEvent {
  return {
    type: 'bounce',
    address: { kind: 'email', value: address, verified: true },
    // Anybody can write a report. One that hands back the id of a mail of ours has seen that mail.
    isPermanent: code.startsWith('5') && about.messageId !== undefined,
    code,
    text: text.slice(0, TEXT_LENGTH_MAX),
    ...about,
  }
}

/** A receipt (RFC 8098): the program that sends it has shown the mail. */
function readEvent(fields: HeaderFields, mailbox: string, occurredAt: Date | null): StatusEvent[] {
  const [externalId] = messageIds(fieldOf(fields, 'original-message-id'))
  const address = recipient(fieldOf(fields, 'final-recipient') ?? fieldOf(fields, 'original-recipient'))
  if (externalId === undefined || !/;\s*displayed/i.test(fieldOf(fields, 'disposition') ?? '')) return []
  const messageId = messageOfId(externalId, mailbox)
  return [
    {
      type: 'status',
      externalId,
      ...(messageId === undefined ? {} : { messageId }),
      status: 'read',
      providerStatus: 'displayed',
      recipient: { identities: address === undefined ? [] : [{ kind: 'email', value: address, verified: true }] },
      occurredAt,
    },
  ]
}

/**
 * Who reports our mail as unwanted gets no marketing any more. Anybody can write such a report: only one that hands back
 * the id of a mail of ours has seen that mail, and it is about whom that went to.
 */
function complaintOf(
  report: HeaderFields,
  mail: Mail,
  { externalId, messageId, occurredAt }: About,
): PreferenceEvent[] {
  const kind = fieldOf(report, 'feedback-type')?.toLowerCase() ?? 'abuse'
  if (kind === 'not-spam' || externalId === undefined || messageId === undefined) return []
  const original = partText(mail, 'message/rfc822') ?? partText(mail, 'text/rfc822-headers')
  const address =
    recipient(fieldOf(report, 'original-rcpt-to')) ??
    (original === undefined ? undefined : firstAddress(fieldOf(fieldsOf(original), 'to')))
  if (address === undefined) return []
  return [{ ...stopMarketing(address, { complaint: kind.slice(0, 40) }, occurredAt, false), externalId, messageId }]
}

export function stopMarketing(
  address: string,
  detail: Record<string, string>,
  occurredAt: Date | null,
  verified = true,
): PreferenceEvent {
  return {
    type: 'preference',
    category: 'marketing',
    state: 'stop',
    detail,
    from: { identities: [{ kind: 'email', value: address, verified }] },
    occurredAt,
  }
}
