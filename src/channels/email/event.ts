import type { JsonObject, JsonValue } from '../json.ts'
import { at, compact, listAt, numberAt, objectAt, textAt } from '../json.ts'
import type { Checks } from './authentication.ts'
import type { InboundKind } from './settings.ts'

/**
 * A mail as it is stored: what the provider says about it. The mail itself is the event's blob: in MIME under the kind
 * `mail.mime`; under `mail.fields` the provider has taken it apart, `form` has its pieces, and the blob is the post that
 * the files stand in.
 */
export interface MailPayload {
  provider: InboundKind
  /** the channel's own address */
  mailbox: string
  /** what the message is known by: its Message-ID, or a hash */
  externalId: string
  /** to whom it was delivered, beside what its header says */
  recipients: string[]
  sender: string | null
  /** whose Authentication-Results are believed */
  authservId: string | null
  /** what the provider found, where it says so beside the mail */
  checks: Checks
  form: JsonObject
  files: MailFile[]
}

/** A file within the post. */
export interface MailFile {
  filename: string | null
  mediaType: string | null
  contentId: string | null
  start: number
  end: number
  encoding: 'base64' | 'identity'
}

export const KINDS = { mime: 'mail.mime', fields: 'mail.fields' } as const

export function payloadOf(mail: MailPayload): JsonObject {
  const { checks, files, ...rest } = mail
  return {
    ...rest,
    checks: compact({ dmarc: checks.dmarc, dkim: checks.dkim, spf: checks.spf }),
    files: files.map((one): JsonObject => ({ ...one })),
  }
}

const PROVIDERS: readonly InboundKind[] = ['raw', 'postmark', 'mailgun', 'sendgrid', 'ses']

/** Total over any JSON; undefined where it is no mail of ours. */
export function mailPayload(payload: JsonValue): MailPayload | undefined {
  const mailbox = textAt(payload, 'mailbox')
  const externalId = textAt(payload, 'externalId')
  const provider = PROVIDERS.find((one) => one === at(payload, 'provider'))
  if (mailbox === undefined || externalId === undefined || provider === undefined) return undefined
  return {
    provider,
    mailbox,
    externalId,
    recipients: texts(payload, 'recipients'),
    sender: textAt(payload, 'sender') ?? null,
    authservId: textAt(payload, 'authservId') ?? null,
    checks: checksAt(objectAt(payload, 'checks')),
    form: objectAt(payload, 'form'),
    files: listAt(payload, 'files').flatMap(fileOf),
  }
}

function checksAt(value: JsonObject): Checks {
  const spf = textAt(value, 'spf')
  return {
    ...(value.dmarc === true ? { dmarc: true } : {}),
    dkim: texts(value, 'dkim'),
    ...(spf === undefined ? {} : { spf }),
  }
}

function fileOf(value: JsonValue): MailFile[] {
  const start = numberAt(value, 'start')
  const end = numberAt(value, 'end')
  if (start === undefined || end === undefined || start < 0 || end < start) return []
  return [
    {
      filename: textAt(value, 'filename') ?? null,
      mediaType: textAt(value, 'mediaType') ?? null,
      contentId: textAt(value, 'contentId') ?? null,
      start,
      end,
      encoding: at(value, 'encoding') === 'base64' ? 'base64' : 'identity',
    },
  ]
}

const texts = (value: JsonValue, name: string): string[] =>
  listAt(value, name).flatMap((one) => (typeof one === 'string' ? one : []))
