import type { Post, Split } from '../channel.ts'
import { at, isObject, type JsonObject, type JsonValue, parseJson, textAt } from '../json.ts'
import { domainOf, emailAddress, firstAddress } from './address.ts'
import type { MailFile } from './event.ts'
import { type FormPart, formParts, textFields } from './form-body.ts'
import type { MailgunSignature } from './mailgun-signature.ts'
import { NOTIFICATIONS } from './notification.ts'
import type { EmailSettings } from './settings.ts'
import { about, fieldsEvent, mimeEvent, notificationEvent, single } from './split.ts'

/** What Mailgun has signed, in a form or in JSON. */
export function mailgunSignature(post: Post): MailgunSignature {
  const parts = formParts(post.headers, post.rawBody)
  if (parts !== undefined) {
    const fields = textFields(parts, 1024)
    return { timestamp: fields.get('timestamp'), token: fields.get('token'), signature: fields.get('signature') }
  }
  const body = parseJson(post.rawBody)
  const signed = isObject(at(body, 'signature')) ? at(body, 'signature') : body
  return {
    timestamp: textAt(signed, 'timestamp'),
    token: textAt(signed, 'token'),
    signature: textAt(signed, 'signature'),
  }
}

/** Source: Mailgun, "Receiving, forwarding and storing messages": parsed into fields, or whole where the URL ends in "mime". */
export function splitMailgun(post: Post, settings: EmailSettings): Split {
  const parts = formParts(post.headers, post.rawBody)
  const { token } = mailgunSignature(post)
  // The signature does not cover the body: one token, one event, whatever else comes with it.
  const dedupeKey = token === undefined ? undefined : `mailgun/${token}`
  if (parts === undefined) {
    const body = parseJson(post.rawBody)
    return isObject(body) ? notification(body, dedupeKey, settings) : { malformed: 'invalid_json' }
  }
  const fields = textFields(parts)
  if (fields.size === 0) return { malformed: 'not_a_form' }
  if (fields.has('event')) return notification(Object.fromEntries(fields), dedupeKey, settings)
  const sender = emailAddress(fields.get('sender'))
  const given = {
    ...about(settings),
    recipients: (fields.get('recipient') ?? '').split(',').flatMap((one) => emailAddress(one) ?? []),
    sender: sender ?? null,
    checks: sender === undefined ? {} : { spf: domainOf(sender) },
  }
  const mime = parts.find((part) => part.name === 'body-mime')
  if (mime !== undefined) return single(mimeEvent(mime.bytes, given, dedupeKey))
  const headers = pairsOf(fields.get('message-headers'))
  const header = (name: string): string | undefined =>
    fields.get(name) ?? headers.find(([one]) => one.toLowerCase() === name.toLowerCase())?.[1]
  return single(
    fieldsEvent(
      post.rawBody,
      { ...given, form: formOf(fields, headers), files: filesOf(parts, contentIds(fields.get('content-id-map'))) },
      { messageId: header('Message-Id'), from: firstAddress(header('From')) ?? sender },
      dedupeKey,
    ),
  )
}

function notification(event: JsonObject, dedupeKey: string | undefined, settings: EmailSettings): Split {
  const data = at(event, 'event-data') ?? event
  const { signature: _signature, token: _token, ...kept } = event
  return single({
    ...notificationEvent(NOTIFICATIONS.mailgun, kept, settings, {
      address: at(data, 'recipient'),
      at: at(data, 'timestamp'),
    }),
    // The id is in the body, which is not signed: who had one signed post could keep any event out by its id.
    dedupeKey: dedupeKey ?? 'mailgun',
  })
}

const NAMES = ['from', 'to', 'cc', 'subject', 'body-plain', 'body-html']

function formOf(fields: ReadonlyMap<string, string>, headers: readonly (readonly [string, string])[]): JsonObject {
  const form: JsonObject = { 'message-headers': headers.map(([name, value]) => [name, value]) }
  for (const name of NAMES) {
    const value = fields.get(name)
    if (value !== undefined) form[name] = value
  }
  return form
}

function pairsOf(text: string | undefined): [string, string][] {
  const list: JsonValue | undefined = text === undefined ? undefined : parseJson(Buffer.from(text))
  return (Array.isArray(list) ? list : []).flatMap((one): [string, string][] => {
    const [name, value] = Array.isArray(one) ? one : []
    return typeof name === 'string' && typeof value === 'string' ? [[name, value]] : []
  })
}

/** `{"<id>": "attachment-1"}`, turned round. */
function contentIds(text: string | undefined): Map<string, string> {
  const map = text === undefined ? undefined : parseJson(Buffer.from(text))
  return new Map(
    Object.entries(isObject(map) ? map : {}).flatMap(([id, name]): [string, string][] =>
      typeof name === 'string' ? [[name, id]] : [],
    ),
  )
}

export function filesOf(parts: readonly FormPart[], contentIdByField: ReadonlyMap<string, string>): MailFile[] {
  return parts.flatMap(({ name, fileName, mediaType, start, bytes }): MailFile[] =>
    fileName === null || start === null
      ? []
      : [
          {
            filename: fileName,
            mediaType,
            contentId: contentIdByField.get(name) ?? null,
            start,
            end: start + bytes.length,
            encoding: 'identity',
          },
        ],
  )
}
