import { at, type JsonValue, listAt, textAt, wellFormed } from '../json.ts'
import { emailAddress, firstAddress, type Mailbox } from './address.ts'
import type { MailFile, MailPayload } from './event.ts'
import { fieldOf, fieldsOfPairs, type HeaderFields } from './header-block.ts'
import { textOfHtml } from './html-text.ts'
import type { Mail, MailPart } from './mail.ts'
import { cutAtMarker, dateOf, mailboxes, shortened, TEXT_LENGTH_MAX } from './mime.ts'

/**
 * A mail that its provider took apart: Postmark's JSON, Mailgun's and SendGrid's forms. Total over any payload.
 * @param payload `form` holds the pieces under the provider's own names
 */
export async function mailOfFields({ provider, form, files }: MailPayload): Promise<Mail> {
  const parts = files.map(partOf)
  if (provider === 'postmark') return postmarkMail(form, parts)
  const fields = headersOf(form)
  const { addressParser, decodeWords } = await import('postal-mime')
  const parsed = (name: string, fallback: string): Mailbox[] =>
    mailboxes(addressParser(fieldOf(fields, name) ?? textAt(form, fallback) ?? ''))
  const [from] = parsed('from', 'from')
  const subject = shortened(textAt(form, 'subject') ?? decodeWords(fieldOf(fields, 'subject') ?? ''))
  const html = textAt(form, 'body-html') ?? textAt(form, 'html')
  const text = textAt(form, 'body-plain') ?? textAt(form, 'text')
  return {
    fields,
    ...(from === undefined ? {} : { from }),
    replyTo: parsed('reply-to', 'reply-to'),
    to: parsed('to', 'to'),
    cc: parsed('cc', 'cc'),
    ...(subject === undefined ? {} : { subject }),
    date: dateOf(fieldOf(fields, 'date')),
    ...(await bodyOf(text, html)),
    parts,
  }
}

async function postmarkMail(form: JsonValue, parts: MailPart[]): Promise<Mail> {
  const fields = fieldsOfPairs(
    listAt(form, 'Headers').map((one): [string, string] => [textAt(one, 'Name') ?? '', textAt(one, 'Value') ?? '']),
  )
  const people = (name: string): Mailbox[] => listAt(form, name).flatMap(postmarkPerson)
  const [from] = [...postmarkPerson(at(form, 'FromFull')), ...bareAddress(textAt(form, 'From'))]
  const subject = shortened(textAt(form, 'Subject'))
  const { addressParser } = await import('postal-mime')
  return {
    fields,
    ...(from === undefined ? {} : { from }),
    replyTo: mailboxes(addressParser(textAt(form, 'ReplyTo') ?? '')),
    to: people('ToFull'),
    cc: people('CcFull'),
    ...(subject === undefined ? {} : { subject }),
    date: dateOf(textAt(form, 'Date')),
    ...(await bodyOf(textAt(form, 'TextBody'), textAt(form, 'HtmlBody'))),
    parts,
  }
}

function postmarkPerson(value: JsonValue | undefined): Mailbox[] {
  const address = emailAddress(textAt(value, 'Email'))
  const name = shortened(textAt(value, 'Name'))
  return address === undefined ? [] : [{ address, ...(name === undefined ? {} : { name }) }]
}

function bareAddress(text: string | undefined): Mailbox[] {
  const address = firstAddress(text)
  return address === undefined ? [] : [{ address }]
}

/** Without a text, the text of the HTML. */
async function bodyOf(
  text: string | undefined,
  html: string | undefined,
): Promise<Pick<Mail, 'text' | 'html' | 'isCut'>> {
  const plain = text ?? (html === undefined ? '' : await textOfHtml(html))
  const { kept, isCut } = cutAtMarker(plain, TEXT_LENGTH_MAX)
  return { text: kept, ...(html === undefined ? {} : { html: wellFormed(html) }), isCut }
}

/** Mailgun's `message-headers` is a JSON list of pairs, SendGrid's `headers` a header as it is written. */
function headersOf(form: JsonValue): HeaderFields {
  const pairs: [string, string][] = []
  for (const one of listAt(form, 'message-headers')) {
    const [name, value] = Array.isArray(one) ? one : []
    if (typeof name === 'string' && typeof value === 'string') pairs.push([name, value])
  }
  const block = textAt(form, 'headers')
  if (block !== undefined)
    for (const line of block.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
      const colon = line.indexOf(':')
      if (colon > 0) pairs.push([line.slice(0, colon), line.slice(colon + 1)])
    }
  return fieldsOfPairs(pairs)
}

function partOf({ filename, mediaType, contentId, start, end, encoding }: MailFile, index: number): MailPart {
  const size = encoding === 'base64' ? Math.floor(((end - start) * 3) / 4) : end - start
  const name = shortened(filename ?? undefined, 255)
  return {
    name: String(index),
    ...(name === undefined ? {} : { filename: name }),
    mediaType: mediaType?.split(';')[0]?.trim().toLowerCase() ?? 'application/octet-stream',
    ...(contentId === null ? {} : { contentId: contentId.replace(/^<|>$/g, '') }),
    isInline: contentId !== null,
    // Of base64 it is about so much.
    ...(encoding === 'identity' ? { sizeBytes: size } : {}),
  }
}
