import type { Parsed } from '../channel.ts'
import { at, type JsonValue, listAt, textAt } from '../json.ts'
import type { BounceEvent, NeutralEvent, StatusEvent } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { emailAddress } from './address.ts'
import { messageIds } from './header-block.ts'
import { mailPlace } from './mail-place.ts'
import { isKnownNotification } from './notification-words.ts'
import { stopMarketing } from './report.ts'
import { messageOfId } from './token.ts'

/** What a provider tells of mail that it sent for us, and of its own subscription. */
export const NOTIFICATIONS = {
  postmark: 'events.postmark',
  mailgun: 'events.mailgun',
  sendgrid: 'events.sendgrid',
  ses: 'events.ses',
  subscription: 'sns.subscription',
  unsubscribed: 'sns.unsubscribed',
} as const

/** @param payload `{mailbox, event}`, the event in the provider's own shape */
export function parseNotification(kind: string, payload: JsonValue): Parsed {
  const mailbox = textAt(payload, 'mailbox') ?? ''
  const event = at(payload, 'event') ?? null
  switch (kind) {
    case NOTIFICATIONS.postmark:
      return outcome(postmark(event, mailbox), isKnownNotification('postmark', event))
    case NOTIFICATIONS.mailgun:
      return outcome(mailgun(event, mailbox), isKnownNotification('mailgun', event))
    case NOTIFICATIONS.sendgrid:
      return outcome(sendgrid(event, mailbox), isKnownNotification('sendgrid', event))
    case NOTIFICATIONS.ses:
      return outcome(ses(event, mailbox), isKnownNotification('ses', event))
    case NOTIFICATIONS.subscription:
      return outcome([{ type: 'errand', kind: 'confirm_subscription', occurredAt: timeOf(at(event, 'Timestamp')) }])
    case NOTIFICATIONS.unsubscribed:
      return outcome([
        {
          type: 'notice',
          kind: 'subscription_ended',
          severity: 'error',
          text: 'The SNS topic does not post here any more.',
          detail: null,
          occurredAt: timeOf(at(event, 'Timestamp')),
        },
      ])
    default:
      return payload === null || typeof payload !== 'object'
        ? { outcome: 'failed', reason: 'not_an_object' }
        : { outcome: 'failed', reason: 'kind_unknown' }
  }
}

function outcome(events: NeutralEvent[], isKnown = true): Parsed {
  if (events.length > 0) return { outcome: 'events', events }
  return isKnown
    ? { outcome: 'ignored', reason: 'notification_unused' }
    : { outcome: 'failed', reason: 'notification_unknown' }
}

interface Told {
  what: 'delivered' | 'read' | 'bounced' | 'rejected' | 'complained' | 'unsubscribed'
  isPermanent?: boolean
  address: JsonValue | undefined
  externalId?: string | undefined
  code?: string | undefined
  text?: string | undefined
  word: string
  at: JsonValue | undefined
}

/** One provider's word as one neutral event. Without an address there is nobody whom it is about. */
function told(
  { what, isPermanent, address, externalId: given, code, text, word, at: time }: Told,
  mailbox: string,
): NeutralEvent[] {
  const value = emailAddress(address)
  if (value === undefined) return []
  const occurredAt = timeOf(time)
  const identity = { kind: 'email', value, verified: true } as const
  const externalId = messageIds(given)[0] ?? given
  const messageId = externalId === undefined ? undefined : messageOfId(externalId, mailbox)
  const about = {
    ...(externalId === undefined ? {} : { externalId }),
    ...(messageId === undefined ? {} : { messageId }),
  }
  if (what === 'complained' || what === 'unsubscribed')
    return [{ ...stopMarketing(value, { [what]: word }, occurredAt), ...about }]
  if (what === 'bounced') {
    const bounce: BounceEvent = {
      type: 'bounce',
      address: identity,
      isPermanent: isPermanent === true,
      ...about,
      code: code ?? word,
      text: (text ?? word).slice(0, 500),
      occurredAt,
    }
    return [bounce]
  }
  if (externalId === undefined) return []
  const status: StatusEvent = {
    type: 'status',
    externalId,
    ...(messageId === undefined ? {} : { messageId }),
    status: what === 'rejected' ? 'failed' : what,
    providerStatus: word,
    recipient: { identities: [identity] },
    ...(what === 'rejected'
      ? { error: { code: code ?? word, message: (text ?? word).slice(0, 500), class: 'permanent' as const } }
      : {}),
    occurredAt,
  }
  return [status]
}

/** Source: Postmark, "Webhooks". Its MessageID is its own; ours is in the metadata, where the sender put it. */
function postmark(event: JsonValue, mailbox: string): NeutralEvent[] {
  const type = textAt(event, 'RecordType') ?? ''
  const address = at(event, 'Email') ?? at(event, 'Recipient')
  const externalId = textAt(event, 'Metadata', 'message-id') ?? textAt(event, 'Metadata', 'messageId')
  const kind = textAt(event, 'Type') ?? type
  const base = { address, externalId, word: kind, text: textAt(event, 'Description'), at: at(event, 'BouncedAt') }
  switch (type) {
    case 'Bounce': {
      if (['Unsubscribe', 'SpamComplaint', 'SpamNotification'].includes(kind))
        return told({ ...base, what: kind === 'Unsubscribe' ? 'unsubscribed' : 'complained' }, mailbox)
      const isPermanent = ['HardBounce', 'BadEmailAddress', 'ManuallyDeactivated', 'Blocked', 'InboundError'].includes(
        kind,
      )
      const isBounce =
        isPermanent || ['SoftBounce', 'DnsError', 'SMTPApiError', 'DMARCPolicy', 'Undeliverable'].includes(kind)
      return isBounce ? told({ ...base, what: 'bounced', isPermanent }, mailbox) : []
    }
    case 'SpamComplaint':
      return told({ ...base, what: 'complained' }, mailbox)
    case 'Delivery':
      return told({ ...base, what: 'delivered', at: at(event, 'DeliveredAt') }, mailbox)
    case 'Open':
      return told({ ...base, what: 'read', at: at(event, 'ReceivedAt') }, mailbox)
    case 'SubscriptionChange':
      return at(event, 'SuppressSending') === true
        ? told(
            {
              ...base,
              what: 'unsubscribed',
              word: textAt(event, 'SuppressionReason') ?? kind,
              at: at(event, 'ChangedAt'),
            },
            mailbox,
          )
        : []
    default:
      return []
  }
}

/** Source: Mailgun, "Webhooks": `event-data`, and the flat fields of its older ones. */
function mailgun(event: JsonValue, mailbox: string): NeutralEvent[] {
  const data = at(event, 'event-data') ?? event
  const word = textAt(data, 'event') ?? ''
  const base = {
    address: at(data, 'recipient'),
    externalId:
      textAt(data, 'message', 'headers', 'message-id') ?? textAt(data, 'Message-Id') ?? textAt(data, 'message-id'),
    code:
      textAt(data, 'delivery-status', 'enhanced-code') ??
      textAt(data, 'delivery-status', 'code') ??
      textAt(data, 'code'),
    text: textAt(data, 'delivery-status', 'message') ?? textAt(data, 'error') ?? textAt(data, 'reason'),
    word,
    at: at(data, 'timestamp'),
  }
  switch (word) {
    case 'delivered':
      return told({ ...base, what: 'delivered' }, mailbox)
    case 'opened':
      return told({ ...base, what: 'read' }, mailbox)
    case 'bounced':
      return told({ ...base, what: 'bounced', isPermanent: true }, mailbox)
    case 'dropped':
    case 'rejected':
      return told({ ...base, what: 'rejected' }, mailbox)
    case 'failed':
      // A temporary failure is tried again.
      if (textAt(data, 'severity') !== 'permanent') return []
      return told({ ...base, what: 'bounced', isPermanent: textAt(data, 'reason') !== 'suppress-complaint' }, mailbox)
    case 'complained':
      return told({ ...base, what: 'complained' }, mailbox)
    case 'unsubscribed':
      return told({ ...base, what: 'unsubscribed' }, mailbox)
    default:
      return []
  }
}

/** Source: SendGrid, "Event Webhook". */
function sendgrid(event: JsonValue, mailbox: string): NeutralEvent[] {
  const word = textAt(event, 'event') ?? ''
  const base = {
    address: at(event, 'email'),
    externalId: textAt(event, 'smtp-id'),
    code: textAt(event, 'status'),
    text: textAt(event, 'reason') ?? textAt(event, 'response'),
    word,
    at: at(event, 'timestamp'),
  }
  switch (word) {
    case 'delivered':
      return told({ ...base, what: 'delivered' }, mailbox)
    case 'open':
      return told({ ...base, what: 'read' }, mailbox)
    case 'bounce':
      return told({ ...base, what: 'bounced', isPermanent: textAt(event, 'type') !== 'blocked' }, mailbox)
    case 'dropped':
      return told({ ...base, what: 'rejected' }, mailbox)
    case 'spamreport':
      return told({ ...base, what: 'complained' }, mailbox)
    case 'unsubscribe':
    case 'group_unsubscribe':
      return told({ ...base, what: 'unsubscribed' }, mailbox)
    default:
      return []
  }
}

/** Source: AWS, "Amazon SES notification contents" and "event data": one event for all recipients. */
function ses(event: JsonValue, mailbox: string): NeutralEvent[] {
  const word = (textAt(event, 'notificationType') ?? textAt(event, 'eventType') ?? '').toLowerCase()
  const header = listAt(event, 'mail', 'headers').find((one) => textAt(one, 'name')?.toLowerCase() === 'message-id')
  const externalId =
    textAt(event, 'mail', 'commonHeaders', 'messageId') ?? textAt(header, 'value') ?? textAt(event, 'mail', 'messageId')
  const base = { externalId, word, at: at(event, word, 'timestamp') ?? at(event, 'mail', 'timestamp') }
  switch (word) {
    case 'bounce': {
      const type = textAt(event, 'bounce', 'bounceType')
      return listAt(event, 'bounce', 'bouncedRecipients').flatMap((one) =>
        told(
          {
            ...base,
            what: 'bounced',
            isPermanent: type === 'Permanent',
            address: at(one, 'emailAddress'),
            code: textAt(one, 'status') ?? textAt(event, 'bounce', 'bounceSubType'),
            text: textAt(one, 'diagnosticCode'),
          },
          mailbox,
        ),
      )
    }
    case 'complaint':
      return listAt(event, 'complaint', 'complainedRecipients').flatMap((one) =>
        told({ ...base, what: 'complained', address: at(one, 'emailAddress') }, mailbox),
      )
    case 'delivery':
      return listAt(event, 'delivery', 'recipients').flatMap((address) =>
        told({ ...base, what: 'delivered', address }, mailbox),
      )
    case 'open':
      return listAt(event, 'mail', 'destination')
        .slice(0, 1)
        .flatMap((address) => told({ ...base, what: 'read', address }, mailbox))
    case 'reject':
      return listAt(event, 'mail', 'destination').flatMap((address) =>
        told({ ...base, what: 'rejected', address, text: textAt(event, 'reject', 'reason') }, mailbox),
      )
    // The mail is in the bucket of the rule. Other actions that tell of themselves (a bounce) leave nothing to be had.
    case 'received':
      return mailPlace(event) === undefined ? [] : [{ type: 'errand', kind: 'fetch_mail', occurredAt: timeOf(base.at) }]
    case 'subscription':
      return listAt(event, 'mail', 'destination').flatMap((address) =>
        told({ ...base, what: 'unsubscribed', address }, mailbox),
      )
    default:
      return []
  }
}
