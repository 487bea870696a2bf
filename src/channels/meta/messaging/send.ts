import type { OutboundFile, OutboundMessage, SendResult } from '../../channel.ts'
import type { HttpClient } from '../../http-client.ts'
import { type JsonValue, textAt } from '../../json.ts'
import { type Failure, failed, type GraphApi, postMessage } from '../graph.ts'
import { type Platform, USER_REF } from './item.ts'
import { isPublicThread, privateRecipient } from './private-reply.ts'
import { messagingContent, reactionBody } from './rich.ts'

/** In what the two differ when something is sent. */
export interface Sender {
  platform: Platform
  /** characters (code points) */
  textLengthMax: number
  textBytesMax: number
  /** what a reaction with this emoji is called */
  reactionOf(emoji: string): string
  /** whether echoes hand `metadata` back */
  takesMetadata: boolean
  /** the file as Meta wants it in `attachment.payload` */
  filePayload(
    file: OutboundFile,
    api: GraphApi,
    http: HttpClient,
  ): Promise<{ payload: Record<string, string> } | Failure>
}

/**
 * Sends one text, with buttons or without, or one file. Within 24 hours it is an answer; beyond that a person's, under
 * the tag that says so.
 * Our id travels as `metadata`, so that the echo settles an unknown outcome.
 * Source: Meta, Messenger Platform "Send API".
 */
export async function sendMessaging(
  message: OutboundMessage,
  sender: Sender,
  api: GraphApi,
  http: HttpClient,
): Promise<SendResult> {
  if (isPublicThread(message)) return replyPrivately(message, sender, api, http)
  const recipient = recipientOf(message, sender.platform)
  if (recipient === undefined) return failed('no_address', 'the recipient has no address on this channel')
  if (message.content.type === 'reaction') {
    const { emoji } = message.content.reaction
    const body = reactionBody(recipient, message.replyTo, emoji && sender.reactionOf(emoji))
    // No message comes of it: it is known by our own id.
    return postMessage(api, 'me/messages', body, http, () => ({
      outcome: 'sent',
      externalId: message.id,
      recipientIds: [],
    }))
  }
  const content = await contentOf(message, sender, api, http)
  if ('outcome' in content) return content
  const body = {
    recipient,
    ...(message.isHumanAgent === true
      ? { messaging_type: 'MESSAGE_TAG', tag: 'HUMAN_AGENT' }
      : { messaging_type: 'RESPONSE' }),
    message: { ...content.content, ...(sender.takesMetadata ? { metadata: message.id } : {}) },
    ...(message.replyTo === undefined ? {} : { reply_to: { mid: message.replyTo } }),
  }
  return postMessage(api, 'me/messages', body, http, (answer) => sentOf(answer, sender.platform))
}

/** No window and no tag: the comment itself is the reason why it may be sent. */
async function replyPrivately(
  message: OutboundMessage,
  sender: Sender,
  api: GraphApi,
  http: HttpClient,
): Promise<SendResult> {
  const recipient = privateRecipient(message)
  if (recipient === undefined) return failed('comment_gone', 'there is no comment left that this could answer')
  const { content, files, id } = message
  if (content.type !== 'text' || files.length > 0)
    return failed('type_not_supported', 'what answers a comment is a text')
  const fault = textFault(content.text, sender)
  if (fault !== undefined) return fault
  const body = { recipient, message: { text: content.text, ...(sender.takesMetadata ? { metadata: id } : {}) } }
  return postMessage(api, 'me/messages', body, http, (answer) => sentOf(answer, sender.platform))
}

function recipientOf({ recipient }: OutboundMessage, platform: Platform): Record<string, string> | undefined {
  const value = recipient.identities.find(({ kind }) => kind === platform)?.value
  if (value === undefined || value === '') return undefined
  return value.startsWith(USER_REF) ? { user_ref: value.slice(USER_REF.length) } : { id: value }
}

async function contentOf(
  { content, files }: OutboundMessage,
  sender: Sender,
  api: GraphApi,
  http: HttpClient,
): Promise<{ content: Record<string, unknown> } | Failure> {
  if (content.type === 'template') return failed('template_not_supported', 'this channel has no templates')
  const [file, ...more] = files
  if (content.type !== 'text')
    return file === undefined
      ? messagingContent(content)
      : failed('file_not_supported', 'buttons have no file beside them on this channel')
  const { text } = content
  if (file === undefined) return textFault(text, sender) ?? { content: { text } }
  if (more.length > 0) return failed('too_many_files', 'a message on this channel has one file')
  if (text.trim() !== '')
    return failed(
      'caption_not_supported',
      'a file has no text beside it on this channel: send them one after the other',
    )
  const built = await sender.filePayload(file, api, http)
  return 'outcome' in built
    ? built
    : { content: { attachment: { type: attachmentType(file), payload: built.payload } } }
}

function textFault(text: string, { textLengthMax, textBytesMax }: Sender): Failure | undefined {
  if (text.trim() === '') return failed('text_empty', 'there is no text to send')
  if ([...text].length > textLengthMax) return failed('text_too_long', `a text has at most ${textLengthMax} characters`)
  return Buffer.byteLength(text) > textBytesMax
    ? failed('text_too_long', `a text has at most ${textBytesMax} bytes in UTF-8`)
    : undefined
}

export function attachmentType({ kind }: OutboundFile): string {
  if (kind === 'document') return 'file'
  return kind === 'sticker' ? 'image' : kind
}

/** Nobody is named for those who are known by a `user_ref` alone. */
function sentOf(answer: JsonValue, platform: Platform): Extract<SendResult, { outcome: 'sent' }> | undefined {
  const externalId = textAt(answer, 'message_id')
  const value = textAt(answer, 'recipient_id')
  if (externalId === undefined) return undefined
  const recipientIds = value === undefined ? [] : [{ kind: platform, value, verified: true }]
  return { outcome: 'sent', externalId, recipientIds }
}
