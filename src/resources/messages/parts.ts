import { type JsonObject, parseJson } from '../../channels/json.ts'
import {
  contentOfRich,
  type RichContent,
  renderedCards,
  renderedLocation,
  renderedReaction,
} from '../../channels/rich/content.ts'
import type { Refusal } from '../../privacy/sending-gate.ts'
import type { MessageSend } from './schema.ts'

/** The members of a message that belong to the type of their name, and to no other. */
const parts = ['template', 'interactive', 'location', 'contacts', 'reaction'] as const

/** Why the parts of a message are not those of its type; null: they are. */
export function partsRefusal(body: MessageSend): Refusal | null {
  for (const part of parts) {
    const isThere = body[part] !== undefined
    if (isThere === (body.type === part)) continue
    const message = `A message of type ${part} has this part, and no other.`
    if (part === 'template') return { code: 'template_missing', path: '/template', message }
    return { code: isThere ? 'part_not_sendable' : 'part_missing', path: `/${part}`, message }
  }
  const rich = richIn(body)
  if (rich === null) return null
  if (rich.type === 'reaction' && body.replyToId === undefined)
    return { code: 'part_missing', path: '/replyToId', message: 'A reaction is to a message.' }
  if (body.previewUrl !== undefined)
    return { code: 'part_not_sendable', path: '/previewUrl', message: 'Only a text shows previews.' }
  return rich.type === 'interactive' || body.text === undefined
    ? null
    : { code: 'part_not_sendable', path: '/text', message: 'A place, a card or a reaction has no words of its own.' }
}

/** What is stored of a message, by its type; `text` is how it reads, whatever the type. */
export interface Said {
  text: string
  content: JsonObject
  /** choices, a place, contact cards; null: none of these */
  rich: RichContent | null
}

/** @param body whose parts are those of its type */
export function saidOf(body: MessageSend): Said {
  const { text, template: given, subject, previewUrl } = body
  const rich = richIn(body)
  const more: JsonObject = subject === undefined ? {} : { subject }
  if (rich !== null) return { text: rich.text, content: { ...contentOfRich(rich), ...more }, rich }
  const template = given && parseJson(Buffer.from(JSON.stringify(given)))
  const words = text ?? (given ? `[${given.name}]` : '')
  return {
    text: words,
    content: {
      text: words,
      ...(template === undefined ? {} : { template }),
      ...more,
      ...(previewUrl === undefined ? {} : { previewUrl }),
    },
    rich: null,
  }
}

function richIn({ type, text = '', interactive, location, contacts, reaction }: MessageSend): RichContent | null {
  if (type === 'interactive' && interactive) return { type, text, interactive }
  if (type === 'location' && location) return { type, text: renderedLocation(location), location }
  if (type === 'reaction' && reaction) return { type, text: renderedReaction(reaction), reaction }
  if (type === 'contacts' && contacts) {
    const cards = contacts.map(({ phones = [], emails = [], ...card }) => ({ ...card, phones, emails }))
    return { type, text: renderedCards(cards), contacts: cards }
  }
  return null
}
