import type { Post, RawEvent, Split } from '../channel.ts'
import { at, isObject, type JsonValue, listAt, parseJson, textAt } from '../json.ts'
import { domainOf, emailAddress } from './address.ts'
import type { Checks } from './authentication.ts'
import { NOTIFICATIONS } from './notification.ts'
import type { EmailSettings } from './settings.ts'
import { snsMessage } from './sns.ts'
import { about, mimeEvent, notificationEvent, single } from './split.ts'

/** Source: AWS, "Amazon SES: contents of notifications" for received mail and for what was sent. */
export function splitSes(post: Post, settings: EmailSettings): Split {
  const message = snsMessage(post)
  if (!isObject(message)) return { malformed: 'invalid_json' }
  const id = textAt(message, 'MessageId')
  const envelope = { id, at: at(message, 'Timestamp') }
  const type = textAt(message, 'Type')
  if (type === 'SubscriptionConfirmation')
    return single(notificationEvent(NOTIFICATIONS.subscription, message, settings, envelope))
  if (type === 'UnsubscribeConfirmation')
    return single(notificationEvent(NOTIFICATIONS.unsubscribed, message, settings, envelope))
  const event = parseJson(Buffer.from(textAt(message, 'Message') ?? ''))
  if (!isObject(event)) return { malformed: 'not_a_notification' }
  if (textAt(event, 'notificationType') !== 'Received') {
    const address = listAt(event, 'mail', 'destination')[0]
    return single(notificationEvent(NOTIFICATIONS.ses, event, settings, { ...envelope, address }))
  }
  const content = textAt(event, 'content')
  // An S3 action: the mail is in a bucket, from where it is fetched.
  if (content === undefined) return single(notificationEvent(NOTIFICATIONS.ses, event, settings, envelope))
  const isBase64 = textAt(event, 'receipt', 'action', 'encoding')?.toUpperCase() === 'BASE64'
  return single(sesMail(event, Buffer.from(content, isBase64 ? 'base64' : 'utf8'), settings))
}

/** A mail that SES has received, with what SES says of it. */
export function sesMail(event: JsonValue, mail: Buffer, settings: EmailSettings): RawEvent {
  const sender = emailAddress(at(event, 'mail', 'source'))
  return mimeEvent(mail, {
    ...about(settings),
    recipients: listAt(event, 'receipt', 'recipients').flatMap((one) => emailAddress(one) ?? []),
    sender: sender ?? null,
    checks: checksOf(event, sender),
  })
}

function checksOf(event: JsonValue, sender: string | undefined): Checks {
  const passed = (name: string): boolean => textAt(event, 'receipt', name, 'status') === 'PASS'
  return {
    dmarc: passed('dmarcVerdict'),
    ...(sender !== undefined && passed('spfVerdict') ? { spf: domainOf(sender) } : {}),
  }
}
