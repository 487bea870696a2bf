import type { KeptEvent, Parsed } from '../channel.ts'
import { cleanJson } from '../json.ts'
import { automatedKind } from './automated.ts'
import { KINDS, type MailPayload, mailPayload } from './event.ts'
import { mailOfFields } from './fields-mail.ts'
import type { Mail } from './mail.ts'
import { messageEvents } from './message.ts'
import { mailOf } from './mime.ts'
import { parseNotification } from './notification.ts'
import { ownMail } from './own-mail.ts'
import { reportEvents } from './report.ts'
import { senderOf } from './sender.ts'

/** One stored event as neutral events. Total over any payload; it reads the event's own bytes, and calls nobody. */
export async function parseEmail(event: KeptEvent): Promise<Parsed> {
  const payload = cleanJson(event.payload)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  if (event.kind !== KINDS.mime && event.kind !== KINDS.fields) return parseNotification(event.kind, payload)
  const known = mailPayload(payload)
  if (known === undefined) return { outcome: 'failed', reason: 'not_a_mail' }
  if (event.kind === KINDS.fields) return parsedMail(await mailOfFields(known), known, event)
  if (event.kept === undefined) return { outcome: 'failed', reason: 'mail_missing' }
  return parsedMail(await mailOf(event.kept), known, event)
}

async function parsedMail(mail: Mail, payload: MailPayload, { kind, kept }: KeptEvent): Promise<Parsed> {
  const { mailbox } = payload
  const from = mail.from ?? (payload.sender === null ? undefined : { address: payload.sender })
  if (automatedKind(mail.fields, from?.address) === 'report') {
    const events = reportEvents(mail, mailbox)
    if (events.length > 0) return { outcome: 'events', events }
    if (isDelay(mail)) return { outcome: 'ignored', reason: 'delivery_delayed' }
  }
  const sender = senderOf(mail, payload, kind)
  if (sender === 'own_address') return ownMail(mail, payload, kept)
  // Somebody may have written it: it is listed, and can be taken up again.
  if (sender === 'no_sender') return { outcome: 'failed', reason: sender }
  return { outcome: 'events', events: await messageEvents(mail, sender, payload, kept) }
}

function isDelay(mail: Mail): boolean {
  const status =
    mail.parts.find((part) => part.mediaType === 'message/delivery-status')?.content?.toString('latin1') ?? ''
  return /^action:\s*(?:delayed|relayed|expanded|delivered)/im.test(status)
}
