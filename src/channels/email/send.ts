import type { OutboundMessage, SendResult } from '../channel.ts'
import type { HttpClient } from '../http-client.ts'
import { emailAddress } from './address.ts'
import { composed } from './compose.ts'
import type { EmailSettings } from './settings.ts'
import { deliver } from './smtp.ts'

/** SMTP sets no limit; what is longer belongs into a file. */
export const TEXT_LENGTH_MAX = 200_000
/** What most servers take, with what base64 adds. */
export const FILES_BYTES_MAX = 18 * 1024 * 1024

/** Sends one mail. Its Message-ID is the message's id, so that a repetition can be told by whoever receives it. */
export async function sendEmail(
  message: OutboundMessage,
  settings: EmailSettings,
  http: HttpClient,
): Promise<SendResult> {
  const { smtp } = settings
  if (smtp === undefined) return failed('no_smtp', 'this mailbox only receives')
  const to = message.recipient.identities
    .map(({ kind, value }) => (kind === 'email' ? emailAddress(value) : undefined))
    .find(Boolean)
  if (to === undefined) return failed('no_address', 'the recipient has no mail address')
  if (message.content.text.trim() === '' && message.files.length === 0)
    return failed('text_empty', 'there is nothing to send')
  if (message.content.text.length > TEXT_LENGTH_MAX)
    return failed('text_too_long', `a text has at most ${TEXT_LENGTH_MAX} characters`)
  if (message.files.reduce((sum, file) => sum + file.sizeBytes, 0) > FILES_BYTES_MAX)
    return failed('files_too_large', 'the files are larger than mail servers take')
  // Answering oneself would never end.
  if (to === settings.address.toLowerCase()) return failed('own_address', 'the recipient is the mailbox itself')
  const mail = await composed(message, to, settings)
  const result = await deliver(mail, smtp, http)
  return result.outcome === 'sent' ? { outcome: 'sent', externalId: mail.messageId, recipientIds: [] } : result
}

function failed(code: string, message: string): SendResult {
  return { outcome: 'failed', code, message, class: 'permanent' }
}
