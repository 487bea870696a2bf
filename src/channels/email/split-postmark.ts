import type { Post, Split } from '../channel.ts'
import { at, compact, isObject, type JsonValue, listAt, textAt } from '../json.ts'
import { emailAddress } from './address.ts'
import type { MailFile } from './event.ts'
import { liftedRange, liftJson } from './json-lift.ts'
import { NOTIFICATIONS } from './notification.ts'
import type { EmailSettings } from './settings.ts'
import { about, fieldsEvent, notificationEvent, single } from './split.ts'

/** Of Postmark's members, those that a message needs; the others stay in the post. Source: Postmark, "Inbound webhook". */
const MEMBERS = [
  'From',
  'FromFull',
  'ToFull',
  'CcFull',
  'ReplyTo',
  'Subject',
  'Date',
  'TextBody',
  'HtmlBody',
  'Headers',
  'MessageID',
]

export function splitPostmark({ rawBody }: Post, settings: EmailSettings): Split {
  const post = liftJson(rawBody)
  if (!isObject(post)) return { malformed: 'invalid_json' }
  if (textAt(post, 'RecordType') !== undefined) {
    const id = ['RecordType', 'ID', 'MessageID', 'Recipient', 'Email'].map((name) => textAt(post, name) ?? '').join('/')
    const time = at(post, 'BouncedAt') ?? at(post, 'DeliveredAt') ?? at(post, 'ReceivedAt') ?? at(post, 'ChangedAt')
    const address = at(post, 'Email') ?? at(post, 'Recipient')
    return single(
      notificationEvent(NOTIFICATIONS.postmark, post, settings, { id: `${id}/${time ?? ''}`, address, at: time }),
    )
  }
  if (at(post, 'FromFull') === undefined && at(post, 'From') === undefined) return { malformed: 'not_a_mail' }
  const messageId = listAt(post, 'Headers').find((one) => textAt(one, 'Name')?.toLowerCase() === 'message-id')
  const recipients = [at(post, 'OriginalRecipient'), ...listAt(post, 'BccFull').map((one) => at(one, 'Email') ?? null)]
  return single(
    fieldsEvent(
      rawBody,
      {
        ...about(settings),
        recipients: recipients.flatMap((one) => emailAddress(one) ?? []),
        form: compact(Object.fromEntries(MEMBERS.map((name) => [name, inForm(at(post, name), rawBody)]))),
        files: listAt(post, 'Attachments').flatMap((one) => attachment(one, rawBody)),
      },
      {
        messageId: textAt(messageId, 'Value') ?? textAt(post, 'MessageID'),
        from: emailAddress(textAt(post, 'FromFull', 'Email') ?? textAt(post, 'From')),
      },
    ),
  )
}

const TEXT_BYTES_MAX = 2 * 1024 * 1024

/** A long text is put back: it is a message's own, and what is longer than any message is cut. */
function inForm(value: JsonValue | undefined, post: Buffer): JsonValue | undefined {
  const range = liftedRange(value)
  if (range === undefined) return value
  const bytes = post.subarray(range.start, Math.min(range.end, range.start + TEXT_BYTES_MAX))
  const text = bytes.toString('utf8')
  for (const end of [text.length, text.lastIndexOf('\\'), text.lastIndexOf('\\', text.length - 2)])
    try {
      const read: unknown = JSON.parse(`"${text.slice(0, end)}"`)
      if (typeof read === 'string') return read
    } catch {
      // It was cut within an escape.
    }
  return undefined
}

/** Base64 in the post: a short one is found by its text, since the JSON around it was read already. */
function attachment(value: JsonValue, post: Buffer): MailFile[] {
  const content = at(value, 'Content')
  const range = liftedRange(content) ?? (typeof content === 'string' ? rangeOf(content, post) : undefined)
  if (range === undefined) return []
  const contentId = textAt(value, 'ContentID')
  return [
    {
      filename: textAt(value, 'Name') ?? null,
      mediaType: textAt(value, 'ContentType') ?? null,
      contentId: contentId ?? null,
      ...range,
      encoding: 'base64',
    },
  ]
}

function rangeOf(text: string, post: Buffer): { start: number; end: number } | undefined {
  for (const written of [text, text.replaceAll('/', '\\/')]) {
    const start = post.indexOf(`"${written}"`)
    if (start !== -1) return { start: start + 1, end: start + 1 + Buffer.byteLength(written) }
  }
  return undefined
}
