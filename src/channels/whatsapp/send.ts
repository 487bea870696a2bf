import type { OutboundMessage, SendResult } from '../channel.ts'
import type { HttpClient } from '../http-client.ts'
import { type JsonValue, listAt, textAt } from '../json.ts'
import { type Failure, failed, type GraphApi, postMessage } from '../meta/graph.ts'
import { apiBaseUrl } from '../meta/settings.ts'
import type { Identity } from '../neutral.ts'
import { WHATSAPP_ERRORS } from './errors.ts'
import { identitiesOf, idsAt, isBsuid } from './party.ts'
import { type Content, fileContent } from './send-file.ts'
import { richContent } from './send-rich.ts'
import type { WhatsAppSettings } from './settings.ts'

export const TEXT_LENGTH_MAX = 4096

/**
 * Sends one message: a text, a file with its caption, a template, choices, a place or contact cards. Our id travels as
 * `biz_opaque_callback_data` and comes back in the statuses, so an unknown outcome is settled by the first of them.
 * Source: Meta, Cloud API "Messages"; BSUIDs go in `recipient`, since in `to` they are answered 200 and dropped.
 */
export async function sendWhatsApp(
  message: OutboundMessage,
  settings: WhatsAppSettings,
  http: HttpClient,
): Promise<SendResult> {
  const { accessToken, phoneNumberId } = settings
  const api: GraphApi = { baseUrl: apiBaseUrl(settings), accessToken, errors: WHATSAPP_ERRORS }
  const address = addressOf(message.recipient)
  if (address === undefined) return failed('no_address', 'the recipient has no WhatsApp address')
  const built = await contentOf(message, phoneNumberId, api, http)
  if ('outcome' in built) return built
  const body = {
    messaging_product: 'whatsapp',
    ...address,
    ...built.content,
    ...(message.replyTo === undefined || message.content.type === 'reaction'
      ? {}
      : { context: { message_id: message.replyTo } }),
    biz_opaque_callback_data: message.id,
  }
  return postMessage(api, `${encodeURIComponent(phoneNumberId)}/messages`, body, http, sentOf)
}

async function contentOf(
  { content, files, replyTo }: OutboundMessage,
  phoneNumberId: string,
  api: GraphApi,
  http: HttpClient,
): Promise<Content | Failure> {
  const [file, ...more] = files
  if (more.length > 0) return failed('too_many_files', 'a WhatsApp message has one file')
  if (content.type === 'template') {
    if (file !== undefined) return failed('file_not_supported', 'a template names its files in its components')
    const { name, language, components } = content
    const template = { name, language: { code: language }, ...(components.length === 0 ? {} : { components }) }
    return { content: { type: 'template', template } }
  }
  if (content.type !== 'text')
    return file === undefined
      ? richContent(content, replyTo)
      : failed('file_not_supported', 'choices, places and cards have no file beside them')
  const { text } = content
  if (file !== undefined) return fileContent(file, text.trim() === '' ? '' : text, phoneNumberId, api, http)
  if (text.trim() === '') return failed('text_empty', 'there is no text to send')
  if ([...text].length > TEXT_LENGTH_MAX)
    return failed('text_too_long', `a text has at most ${TEXT_LENGTH_MAX} characters`)
  return { content: { type: 'text', text: { body: text, preview_url: content.previewUrl ?? false } } }
}

/** Where to: a group, or the first identity that WhatsApp can be sent to. */
function addressOf({ identities, thread }: OutboundMessage['recipient']): Record<string, string> | undefined {
  if (thread?.kind === 'group') return { recipient_type: 'group', to: thread.id }
  for (const { kind, value } of identities) {
    const individual = { recipient_type: 'individual' }
    if (kind === 'whatsapp_bsuid' || kind === 'whatsapp_parent_bsuid') return { ...individual, recipient: value }
    if (kind !== 'whatsapp' && kind !== 'phone') continue
    if (isBsuid(value)) return { ...individual, recipient: value }
    const digits = value.replace(/[^\d]/g, '')
    if (digits !== '') return { ...individual, to: digits }
  }
  return undefined
}

function sentOf(answer: JsonValue): Extract<SendResult, { outcome: 'sent' }> | undefined {
  const externalId = textAt(listAt(answer, 'messages')[0], 'id')
  return externalId === undefined ? undefined : { outcome: 'sent', externalId, recipientIds: recipientsOf(answer) }
}

function recipientsOf(answer: JsonValue): Identity[] {
  return listAt(answer, 'contacts').flatMap((contact) => identitiesOf(idsAt(contact, 'wa_id', '')))
}
