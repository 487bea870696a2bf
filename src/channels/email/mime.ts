import type { Address, Attachment, Email } from 'postal-mime'
import type { KeptBlob } from '../channel.ts'
import { wellFormed } from '../json.ts'
import { emailAddress, firstAddress, type Mailbox } from './address.ts'
import { fieldOf, fieldsOf, fieldsOfPairs, headerFields } from './header-block.ts'
import { HTML_LENGTH_MAX, textOfHtml } from './html-text.ts'
import type { Mail, MailPart } from './mail.ts'
import type { Body } from './mail-parser.ts'
import { type Cut, MARKER, type Skeleton, skeletonOf } from './skeleton.ts'
import { decodedCut } from './transfer-encoding.ts'

const HEADERS_BYTES_MAX = 1024 * 1024
const NESTING_MAX = 100
/** Characters of a text, of an HTML and of a header's field that are kept; more is nobody's message. */
export const TEXT_LENGTH_MAX = 200_000
const FIELD_LENGTH_MAX = 1000
const ADDRESSES_MAX = 200

/** A mail in MIME, parsed. Total: what no parser takes has its header read, and is otherwise what was posted. */
export async function mailOf(kept: KeptBlob): Promise<Mail> {
  const skeleton = await skeletonOf(kept)
  const parsed = await parsedOf(skeleton.bytes)
  return parsed === undefined ? unparsed(skeleton.bytes) : understood(parsed.email, parsed.bodies, skeleton)
}

/** Loaded with the first mail: a service without a mailbox does not carry it. */
async function parsedOf(bytes: Buffer): Promise<{ email: Email; bodies: readonly Body[] } | undefined> {
  const { MailParser } = await import('./mail-parser.ts')
  try {
    const parser = new MailParser({
      // A mail in a mail is a file of its own: what is in it was said by somebody else.
      forceRfc822Attachments: true,
      maxHeadersSize: HEADERS_BYTES_MAX,
      maxNestingDepth: NESTING_MAX,
    })
    return { email: await parser.parse(bytes), bodies: parser.bodies }
  } catch {
    return undefined
  }
}

async function understood(email: Email, bodies: readonly Body[], { cuts, isIncomplete }: Skeleton): Promise<Mail> {
  const fields = fieldsOfPairs(email.headers.map(({ key, value }) => [key, wellFormed(value)]))
  const markup = htmlOf(bodies)
  const html = cutAtMarker(markup, HTML_LENGTH_MAX)
  const text = cutAtMarker(await textOf(bodies), TEXT_LENGTH_MAX)
  const [from] = mailboxes([email.from ?? email.sender])
  const fallback = firstAddress(fieldOf(fields, 'from') ?? fieldOf(fields, 'sender') ?? fieldOf(fields, 'return-path'))
  const sender = from ?? (fallback === undefined ? undefined : { address: fallback })
  const subject = shortened(email.subject)
  return {
    fields,
    ...(sender === undefined ? {} : { from: sender }),
    replyTo: mailboxes(email.replyTo),
    to: mailboxes(email.to),
    cc: mailboxes(email.cc),
    ...(subject === undefined ? {} : { subject }),
    date: dateOf(email.date),
    text: text.kept,
    // What was cut open is no HTML any more.
    ...(markup === undefined || html.isCut ? {} : { html: html.kept }),
    isCut: isIncomplete || text.isCut || html.isCut,
    parts: email.attachments.map((one, index) => partOf(one, index, cuts)),
  }
}

/** The plain pieces, and of the others the text; all the HTML that is looked at for it is no longer than one may be. */
async function textOf(bodies: readonly Body[]): Promise<string> {
  const texts: string[] = []
  let left = HTML_LENGTH_MAX
  for (const [index, { plain, html = '' }] of bodies.entries()) {
    const isSaid = plain !== undefined && plain.trim() !== ''
    // A blank line between pieces of HTML, which begin and end anywhere.
    const gap = isSaid || index === bodies.length - 1 ? '' : '\n'
    texts.push(isSaid ? plain : `${await textOfHtml(cutAtMarker(html, left).kept)}${gap}`)
    if (!isSaid) left = Math.max(0, left - html.length)
  }
  return texts.join('\n')
}

/** The HTML, with plain pieces beside it as HTML; undefined where there is none. */
function htmlOf(bodies: readonly Body[]): string | undefined {
  if (bodies.every(({ html }) => html === undefined)) return undefined
  return bodies.map(({ plain = '', html }) => html ?? htmlOfText(plain)).join('\n')
}

const htmlOfText = (text: string): string =>
  `<div>${text
    .trim()
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\n', '<br />')}</div>`

/** Of what cannot be parsed, who wrote it and about what. */
function unparsed(bytes: Buffer): Mail {
  const fields = headerFields(Buffer.from(wellFormed(bytes.toString('utf8'))))
  const address = firstAddress(fieldOf(fields, 'from') ?? fieldOf(fields, 'sender') ?? fieldOf(fields, 'return-path'))
  const subject = shortened(fieldOf(fields, 'subject'))
  return {
    fields,
    ...(address === undefined ? {} : { from: { address } }),
    ...(subject === undefined ? {} : { subject }),
    ...{ replyTo: [], to: [], cc: [], parts: [] },
    date: dateOf(fieldOf(fields, 'date')),
    text: '',
    isCut: true,
  }
}

export function mailboxes(given: readonly (Address | undefined)[] | undefined): Mailbox[] {
  return (given ?? [])
    .flatMap((one) => (one === undefined ? [] : one.group === undefined ? [one] : one.group))
    .slice(0, ADDRESSES_MAX)
    .flatMap(({ address, name }) => {
      const found = emailAddress(address) ?? firstAddress(address)
      const shown = shortened(name)
      return found === undefined ? [] : [{ address: found, ...(shown === undefined ? {} : { name: shown }) }]
    })
}

export function shortened(text: string | undefined, length = FIELD_LENGTH_MAX): string | undefined {
  const line = wellFormed(text?.slice(0, length) ?? '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return line === '' ? undefined : line
}

/** What the sender's clock said, where it is a date at all. */
export function dateOf(text: string | undefined): Date | null {
  const ms = text === undefined ? Number.NaN : Date.parse(text.slice(0, 100))
  return Number.isNaN(ms) || ms < 0 || ms > 253_402_300_799_000 ? null : new Date(ms)
}

export function cutAtMarker(text: string | undefined, lengthMax: number): { kept: string; isCut: boolean } {
  const marker = text === undefined ? -1 : text.search(MARKER)
  const whole = wellFormed(text?.slice(0, marker === -1 ? lengthMax : Math.min(marker, lengthMax)) ?? '')
  return { kept: whole.replaceAll('\r\n', '\n'), isCut: marker !== -1 || (text?.length ?? 0) > lengthMax }
}

function partOf(attachment: Attachment, index: number, cuts: readonly Cut[]): MailPart {
  const content = bytesOf(attachment)
  const cut = cutOf(content, cuts)
  const contentId = attachment.contentId?.trim().replace(/^<|>$/g, '')
  const filename = shortened(attachment.filename ?? undefined, 255) ?? nestedName(attachment.mimeType, content)
  const mediaType = wellFormed(attachment.mimeType).slice(0, 200) || 'application/octet-stream'
  return {
    name: String(index),
    ...(filename === undefined ? {} : { filename }),
    mediaType: mediaType === '' ? 'application/octet-stream' : mediaType,
    ...(contentId === undefined || contentId === '' ? {} : { contentId: wellFormed(contentId).slice(0, 500) }),
    isInline: attachment.disposition === 'inline' || attachment.related === true,
    ...(attachment.method === undefined ? {} : { method: wellFormed(attachment.method).slice(0, 40) }),
    ...(cut === undefined ? (hasMarker(content) ? {} : { sizeBytes: content.length, content }) : {}),
  }
}

/** A forwarded mail without a name is called by its subject. */
function nestedName(mediaType: string, content: Buffer): string | undefined {
  if (mediaType !== 'message/rfc822') return undefined
  const subject = fieldOf(fieldsOf(content.toString('utf8', 0, 16_384)), 'subject')?.replaceAll(
    /[^\p{L}\p{N} .,_-]+/gu,
    ' ',
  )
  return `${shortened(subject, 100) ?? 'message'}.eml`
}

function bytesOf({ content }: Attachment): Buffer {
  if (typeof content === 'string') return Buffer.from(content)
  return content instanceof ArrayBuffer
    ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.byteLength)
}

const hasMarker = (content: Buffer): boolean => content.includes('CustodiaCut/')

/** The cut that a whole part stands for, whether base64 has decoded its marker or not. */
function cutOf(content: Buffer, cuts: readonly Cut[]): Cut | undefined {
  if (content.length > 80) return undefined
  for (const text of [content.toString('latin1'), content.toString('base64')]) {
    const [whole, index] = MARKER.exec(text) ?? []
    if (whole !== undefined && text.trim() === whole) return cuts[Number(index)]
  }
  return undefined
}

/**
 * The bytes of a part, streamed from where the mail is kept.
 * @returns undefined where the mail has no such part
 */
export async function partBytes(kept: KeptBlob, index: number): Promise<AsyncIterable<Buffer> | undefined> {
  const skeleton = await skeletonOf(kept)
  const parsed = await parsedOf(skeleton.bytes)
  const attachment = parsed?.email.attachments[index]
  if (attachment === undefined) return undefined
  const content = bytesOf(attachment)
  const cut = cutOf(content, skeleton.cuts)
  return cut === undefined ? spliced(kept, content, skeleton.cuts) : decodedCut(kept, cut)
}

/** A mail in a mail holds markers of its own parts: their bytes are put back as they stood there. */
async function* spliced(kept: KeptBlob, content: Buffer, cuts: readonly Cut[]): AsyncGenerator<Buffer> {
  let at = 0
  if (hasMarker(content))
    for (const match of content.toString('latin1').matchAll(new RegExp(MARKER, 'g'))) {
      const cut = cuts[Number(match[1])]
      if (cut === undefined) continue
      yield content.subarray(at, match.index)
      yield* kept.read(cut.start, cut.end)
      at = match.index + match[0].length
    }
  yield content.subarray(at)
}
