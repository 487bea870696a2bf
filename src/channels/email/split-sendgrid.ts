import type { Post, RawEvent, Split } from '../channel.ts'
import { at, isObject, type JsonObject, listAt, parseJson, textAt } from '../json.ts'
import { domainOf, emailAddress, firstAddress } from './address.ts'
import { type Checks, isPass } from './authentication.ts'
import { type FormPart, formParts } from './form-body.ts'
import { fieldOf, fieldsOf } from './header-block.ts'
import { NOTIFICATIONS } from './notification.ts'
import type { EmailSettings } from './settings.ts'
import { about, fieldsEvent, mimeEvent, notificationEvent, single } from './split.ts'
import { filesOf } from './split-mailgun.ts'

/** Source: SendGrid, "Inbound Parse Webhook": a form with a charset per field, or the mail itself in `email`. */
export function splitSendgrid(post: Post, settings: EmailSettings): Split {
  const parts = formParts(post.headers, post.rawBody)
  if (parts === undefined) return notifications(post, settings)
  const field = fieldReader(parts)
  const envelope = parseJson(Buffer.from(field('envelope') ?? '')) ?? null
  const sender = emailAddress(textAt(envelope, 'from'))
  const given = {
    ...about(settings),
    recipients: listAt(envelope, 'to').flatMap((one) => emailAddress(one) ?? []),
    sender: sender ?? null,
    checks: checksOf(field, sender),
  }
  const mime = parts.find((part) => part.name === 'email')
  if (mime !== undefined && mime.bytes.length > 0) return single(mimeEvent(mime.bytes, given))
  const headers = field('headers')
  const from = firstAddress(field('from'))
  if (headers === undefined && from === undefined) return { malformed: 'not_a_mail' }
  const form: JsonObject = {}
  for (const name of ['headers', 'from', 'to', 'cc', 'subject', 'text', 'html']) {
    const value = field(name)
    if (value !== undefined) form[name] = value
  }
  return single(
    fieldsEvent(
      post.rawBody,
      { ...given, form, files: filesOf(parts, contentIds(field('content-ids'))) },
      { messageId: headers === undefined ? undefined : fieldOf(fieldsOf(headers), 'message-id'), from: from ?? sender },
    ),
  )
}

const FIELD_BYTES_MAX = 2 * 1024 * 1024

/** Each field in the charset that `charsets` names for it; UTF-8 where that is unknown. */
function fieldReader(parts: readonly FormPart[]): (name: string) => string | undefined {
  const bytesOf = (name: string): Buffer | undefined =>
    parts.find((part) => part.name === name && part.fileName === null)?.bytes.subarray(0, FIELD_BYTES_MAX)
  const charsets = parseJson(bytesOf('charsets') ?? Buffer.alloc(0)) ?? null
  return (name) => {
    const bytes = bytesOf(name)
    if (bytes === undefined) return undefined
    try {
      return new TextDecoder(textAt(charsets, name) ?? 'utf-8').decode(bytes)
    } catch {
      return bytes.toString('utf8')
    }
  }
}

/** `{@example.org : pass, @other.example : fail}` */
function checksOf(field: (name: string) => string | undefined, sender: string | undefined): Checks {
  const dkim = [...(field('dkim') ?? '').slice(0, 4096).matchAll(/@([^\s:,{}]+)\s*:\s*pass/gi)].map(
    (match) => match[1]?.toLowerCase() ?? '',
  )
  return { dkim, ...(sender !== undefined && isPass(field('SPF')) ? { spf: domainOf(sender) } : {}) }
}

/** `{"<id>": "attachment1"}`, turned round. */
function contentIds(text: string | undefined): Map<string, string> {
  const map = text === undefined ? undefined : parseJson(Buffer.from(text))
  return new Map(
    Object.entries(isObject(map) ? map : {}).flatMap(([id, name]): [string, string][] =>
      typeof name === 'string' ? [[name, id]] : [],
    ),
  )
}

function notifications(post: Post, settings: EmailSettings): Split {
  const body = parseJson(post.rawBody)
  if (!Array.isArray(body)) return { malformed: body === undefined ? 'invalid_json' : 'not_a_mail' }
  const events = body.map(
    (event): RawEvent =>
      notificationEvent(NOTIFICATIONS.sendgrid, event, settings, {
        id: textAt(event, 'sg_event_id'),
        address: at(event, 'email'),
        at: at(event, 'timestamp'),
      }),
  )
  return { events, rejected: [] }
}
