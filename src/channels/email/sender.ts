import { emailAddress, firstAddress, type Mailbox, plusWord } from './address.ts'
import { KINDS, type MailPayload } from './event.ts'
import { fieldOf, type HeaderFields } from './header-block.ts'
import type { Mail } from './mail.ts'

export interface Sender {
  /** who wrote it, and is answered */
  person: Mailbox
  /** what From says, where it says an address: only that can be vouched for */
  from?: Mailbox
}

/**
 * Who wrote a mail. A form on a website sends everybody's words from one address and names the writer in Reply-To: so
 * where that holds one address of somebody else, they are the person (RFC 5322, 3.6.2). A list writes itself in there,
 * and a program a word of its own after the sender's plus: neither is another person. Without a usable From it is who
 * else the mail names: Reply-To, Sender, who gets it back.
 * @param kind of the event: in MIME, `mail.from` may be a guess from other fields
 */
export function senderOf(mail: Mail, payload: MailPayload, kind: string): Sender | 'own_address' | 'no_sender' {
  const isOwn = ({ address }: Mailbox): boolean =>
    address === payload.mailbox.toLowerCase() || plusWord(address, payload.mailbox) !== undefined
  const from = fromOf(mail, kind)
  const answered = replyToOf(mail)
  if (from === undefined) {
    const others = [fieldOf(mail.fields, 'sender'), fieldOf(mail.fields, 'return-path'), payload.sender ?? undefined]
    const named = [...answered, ...others.flatMap((one) => mailboxAt(one))]
    const person = named.find((one) => !isOwn(one))
    if (person !== undefined) return { person }
    return named.length > 0 ? 'own_address' : 'no_sender'
  }
  // What comes from the mailbox itself was sent by it: answering it would never end.
  if (isOwn(from)) return 'own_address'
  const [other, ...more] = answered
  if (other === undefined || more.some(({ address }) => address !== other.address)) return { person: from, from }
  const isSame = other.address === from.address || plusWord(other.address, from.address) !== undefined
  if (isSame || isOwn(other) || isListAddress(mail.fields, other.address)) return { person: from, from }
  const name = other.name ?? (from.name?.toLowerCase() === from.address ? undefined : from.name)
  return { person: { address: other.address, ...(name === undefined ? {} : { name }) }, from }
}

function fromOf(mail: Mail, kind: string): Mailbox | undefined {
  const written = fieldOf(mail.fields, 'from')
  if (kind === KINDS.mime && written === undefined) return undefined
  const quoted = quotedAt(written)
  return quoted === undefined ? mail.from : { ...mail.from, address: quoted }
}

function replyToOf(mail: Mail): Mailbox[] {
  const written = fieldOf(mail.fields, 'reply-to')
  if (mail.replyTo.length === 0) return mailboxAt(written)
  const quoted = mail.replyTo.length === 1 ? quotedAt(written) : undefined
  return quoted === undefined ? mail.replyTo : mail.replyTo.map((one) => ({ ...one, address: quoted }))
}

/** The parser takes the quotes off a bare address, and what is left of "john doe"@ would be doe@, who is somebody else. */
const quotedAt = (written: string | undefined): string | undefined =>
  written?.includes('"@') === true ? firstAddress(written) : undefined

function mailboxAt(written: string | undefined): Mailbox[] {
  const address = firstAddress(written)
  return address === undefined ? [] : [{ address }]
}

/** Whether an address is that of the list which a mail came by (RFC 2369, List-Post; RFC 2919, List-Id). */
function isListAddress(fields: HeaderFields, address: string): boolean {
  const posts = (fieldOf(fields, 'list-post') ?? '').slice(0, 4096).matchAll(/mailto:([^?>\s,]{3,320})/gi)
  if ([...posts].some(([, post]) => emailAddress(post) === address)) return true
  const id = fieldOf(fields, 'list-id')?.slice(0, 4096).toLowerCase()
  return (/<([^<>]+)>/.exec(id ?? '')?.[1] ?? id)?.trim() === address.replace('@', '.')
}
