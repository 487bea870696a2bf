import type { Body } from '../../body.ts'
import { at, camelCased, compact, type JsonObject, type JsonValue, listAt, textAt } from '../../json.ts'
import type { MessageBody } from '../../neutral.ts'
import { type Piece, pieceOf } from './attachment.ts'

/**
 * A message as content by type, its plain text and the files that it refers to. Total over any JSON.
 * @param message the member `message` of an item
 */
export function bodyOf(message: JsonValue, isStandby: boolean): Body {
  const text = textAt(message, 'text')
  const pieces = attachmentsOf(message).map((attachment) => pieceOf(attachment, message))
  const { type, content, plain } = main(message, text, pieces)
  return {
    message: { type, content: { ...content, ...circumstances(message, isStandby) }, text: plain },
    media: pieces.flatMap(({ media }) => media ?? []),
  }
}

interface Main {
  type: MessageBody['type']
  content: JsonObject
  plain: string
}

function main(message: JsonValue, text: string | undefined, pieces: readonly Piece[]): Main {
  const plain = [...pieces.map((piece) => piece.text), text]
    .filter((part) => part !== undefined && part !== '')
    .join(' ')
  const button = textAt(message, 'quick_reply', 'payload')
  if (button !== undefined)
    return {
      type: 'button',
      content: compact({ payload: button, title: text, ...several(pieces) }),
      plain: plain || button,
    }
  if (at(message, 'is_unsupported') === true)
    return {
      type: 'unsupported',
      content: compact({ providerType: 'unsupported', text, ...several(pieces) }),
      plain: ['[unsupported message]', text].filter((part) => part !== undefined).join(' '),
    }
  const [first, ...more] = pieces
  if (first === undefined) {
    if (text !== undefined) return { type: 'text', content: { text }, plain: text }
    return { type: 'unsupported', content: { providerType: 'empty' }, plain: '[empty message]' }
  }
  const { type } = first
  // A link repeats what the text says.
  if (text !== undefined && more.length === 0 && type === 'text')
    return { type, content: { text, ...first.content }, plain: 'link' in first.content ? text : plain }
  const caption = type === 'text' ? { text: plain } : compact({ caption: text })
  return { type, content: { ...caption, ...first.content, ...(more.length > 0 ? several(pieces) : {}) }, plain }
}

function several(pieces: readonly Piece[]): JsonObject {
  return pieces.length === 0 ? {} : { attachments: pieces.map(({ type, content }) => ({ type, ...content })) }
}

/** Stickers came as an image and as a sticker for some months of 2026: one of them is enough. */
function attachmentsOf(message: JsonValue): JsonValue[] {
  const all = listAt(message, 'attachments')
  const stickers = new Set(
    all.filter((one) => textAt(one, 'type') === 'sticker').map((one) => textAt(one, 'payload', 'sticker_id')),
  )
  if (stickers.size === 0) return all
  return all.filter(
    (one) => textAt(one, 'type') !== 'image' || !stickers.has(textAt(one, 'payload', 'sticker_id') ?? ''),
  )
}

/** What a front end may want to show beside the words: the story that it answers, the app that wrote it. */
function circumstances(message: JsonValue, isStandby: boolean): JsonObject {
  const story = at(message, 'reply_to', 'story')
  const tags = at(message, 'tags')
  return compact({
    story:
      story === undefined ? undefined : compact({ kind: 'reply', url: textAt(story, 'url'), id: textAt(story, 'id') }),
    tags: tags === undefined ? undefined : camelCased(tags),
    appId: textAt(message, 'app_id'),
    standby: isStandby ? true : undefined,
  })
}
