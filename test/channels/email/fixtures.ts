import { createHmac } from 'node:crypto'
import type { Parsed, Post, RawEvent } from '../../../src/channels/channel.ts'
import { email } from '../../../src/channels/email/index.ts'
import { type EmailSettings, emailSettings } from '../../../src/channels/email/settings.ts'
import { keptBuffer } from '../../../src/channels/kept-blob.ts'
import type { MessageEvent, NeutralEvent } from '../../../src/channels/neutral.ts'
import { postOf } from '../post.ts'

export const secret = 'a-secret-of-tests'
export const mailbox = 'support@example.com'

export function settingsOf(
  inbound: Record<string, unknown> = { kind: 'raw', secret },
  more: Record<string, unknown> = {},
): EmailSettings {
  return emailSettings.parse({ address: mailbox, inbound, ...more })
}

export const basic = (password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`custodia:${password}`).toString('base64')}`,
})

/** A mail with these header fields over the usual ones; undefined leaves one out. */
export function mail(fields: Record<string, string | undefined> = {}, body = 'Hello'): string {
  const all: Record<string, string | undefined> = {
    From: 'Ada Lovelace <ada@example.org>',
    To: mailbox,
    Subject: 'A question',
    'Message-ID': `<${count()}@example.org>`,
    Date: 'Sun, 22 Nov 2026 10:00:00 +0000',
    ...fields,
  }
  const header = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]))
  return `${header.join('\r\n')}\r\n\r\n${body}\r\n`
}

let made = 0
const count = (): number => (made += 1)

/** A part of a multipart mail. */
export const part = (head: string, body: string): string => `${head}\r\n\r\n${body}\r\n`

export function multipart(
  kind: string,
  parts: readonly string[],
  fields: Record<string, string | undefined> = {},
): string {
  const body = parts.map((one) => `--=_b\r\n${one}`).join('')
  return mail(
    { 'MIME-Version': '1.0', 'Content-Type': `multipart/${kind}; boundary="=_b"`, ...fields },
    `${body}--=_b--`,
  )
}

export const attached = (name: string, bytes: Buffer, type = 'application/octet-stream', more = ''): string =>
  part(
    `Content-Type: ${type}\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64${more}`,
    bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n'),
  )

export function eventsOf(post: Post, settings: EmailSettings): RawEvent[] {
  const split = email.split(post, settings)
  if ('malformed' in split) throw new Error(split.malformed)
  return split.events
}

export async function parsed(raw: string | Buffer, settings = settingsOf()): Promise<Parsed> {
  const [event] = eventsOf(postOf(raw), settings)
  if (event === undefined) throw new Error('no event')
  return understood(event)
}

/** As it is after it was stored. */
export const understood = (event: RawEvent): Promise<Parsed> =>
  email.parse({
    kind: event.kind,
    payload: JSON.parse(JSON.stringify(event.payload)),
    ...(event.blob === undefined ? {} : { kept: keptBuffer(event.blob) }),
  })

export async function neutral(raw: string | Buffer, settings = settingsOf()): Promise<NeutralEvent[]> {
  const result = await parsed(raw, settings)
  if (result.outcome !== 'events') throw new Error(`${result.outcome}: ${result.reason}`)
  return result.events
}

export async function message(raw: string | Buffer, settings = settingsOf()): Promise<MessageEvent> {
  const found = (await neutral(raw, settings)).find((event) => event.type === 'message')
  if (found === undefined) throw new Error('no message')
  return found
}

/** The bytes of a file of a mail, as the service takes them out of it. */
export async function fileOf(raw: string | Buffer, name: string, settings = settingsOf()): Promise<Buffer> {
  const [event] = eventsOf(postOf(raw), settings)
  if (event === undefined) throw new Error('no event')
  return fileOfEvent(event, name)
}

export async function fileOfEvent(event: RawEvent, name: string): Promise<Buffer> {
  const kept = keptBuffer(event.blob ?? Buffer.alloc(0))
  const result = await understood(event)
  const [said] = result.outcome === 'events' ? result.events : []
  const ref = said?.type === 'message' ? said.media.find((one) => one.filename === name) : undefined
  if (ref === undefined || email.mediaPart === undefined) throw new Error(`no ${name}`)
  const { stream } = await email.mediaPart({ kind: event.kind, payload: event.payload, kept }, ref)
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** A form as a provider posts it. */
export function formPost(
  fields: Record<string, string>,
  files: readonly { field: string; name: string; type: string; bytes: Buffer }[] = [],
): Post {
  const pieces: Buffer[] = []
  for (const [name, value] of Object.entries(fields))
    pieces.push(Buffer.from(`--=_form\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`))
  for (const { field, name, type, bytes } of files)
    pieces.push(
      Buffer.from(
        `--=_form\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`,
      ),
      bytes,
      Buffer.from('\r\n'),
    )
  pieces.push(Buffer.from('--=_form--\r\n'))
  return postOf(Buffer.concat(pieces), { 'content-type': 'multipart/form-data; boundary==_form' })
}

export const mailgunKey = 'mailgun-signing-key'

export function mailgunSigned(
  token: string,
  atMs = Date.now(),
): { timestamp: string; token: string; signature: string } {
  const timestamp = String(Math.floor(atMs / 1000))
  const signature = createHmac('sha256', mailgunKey)
    .update(timestamp + token)
    .digest('hex')
  return { timestamp, token, signature }
}
