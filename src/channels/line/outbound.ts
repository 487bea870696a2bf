import type { OutboundFile, OutboundMessage } from '../channel.ts'
import { type JsonObject, textAt } from '../json.ts'
import { isRich } from '../rich/content.ts'
import { richMessage } from './rich.ts'

export const TEXT_LENGTH_MAX = 5000
/** Of one request, a text among them. */
export const MESSAGES_MAX = 5
const IMAGE_BYTES_MAX = 10 * 1024 * 1024
const URL_LENGTH_MAX = 2000

/**
 * A message as LINE's message objects, files first; its text quotes what it answers, by the token that came with that. LINE takes no bytes: it passes links on,
 * which people's devices open when they look at the message. As pictures go JPEG and
 * PNG up to 10 MB (LINE asks for a preview of 1 MB at most; a larger one is shown when it is opened); a video would need a preview picture and a sound its duration, which nobody here knows, and documents
 * have no form of their own. All these go as a text with their link.
 * Source: LINE, Messaging API "Message objects".
 */
export async function messagesOf(
  message: OutboundMessage,
): Promise<{ list: JsonObject[] } | { code: string; message: string }> {
  const { content } = message
  const { text } = content
  const list: JsonObject[] = []
  for (const file of message.files) list.push(await fileMessage(file))
  const quoteToken = textAt(message.replyToContent, 'quoteToken')
  const quote: JsonObject = quoteToken === undefined ? {} : { quoteToken }
  if (isRich(content)) {
    const rich = richMessage(content)
    if (rich === undefined) return { code: 'type_not_supported', message: 'LINE has no form for this' }
    list.push(rich.type === 'text' ? { ...rich, ...quote } : rich)
  } else if (text.trim() !== '') list.push({ type: 'text', text, ...quote })
  if (list.length === 0) return { code: 'text_empty', message: 'there is no text to send' }
  if (list.length > MESSAGES_MAX)
    return { code: 'too_many_files', message: `a message has at most ${MESSAGES_MAX} parts` }
  // LINE counts UTF-16 units.
  if (text.length > TEXT_LENGTH_MAX)
    return { code: 'text_too_long', message: `a text has at most ${TEXT_LENGTH_MAX} characters` }
  return { list }
}

async function fileMessage(file: OutboundFile): Promise<JsonObject> {
  const link = await file.link('person')
  const isPicture = /^image\/(jpeg|png)$/.test(file.mediaType) && file.sizeBytes <= IMAGE_BYTES_MAX
  // LINE wants https; a plain link is text anywhere.
  if (isPicture && link.startsWith('https://') && link.length <= URL_LENGTH_MAX)
    return { type: 'image', originalContentUrl: link, previewImageUrl: link }
  return { type: 'text', text: file.fileName === null ? link : `${file.fileName}\n${link}` }
}

/** The same messages, quoting nothing: what they answer may be gone. */
export function withoutQuote(list: readonly JsonObject[]): JsonObject[] {
  return list.map(({ quoteToken: _quote, ...message }) => message)
}
