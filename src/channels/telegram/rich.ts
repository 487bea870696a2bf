import type { JsonObject } from '../json.ts'
import { type Button, coordinatesOf, isLink, type RichContent, type SharedLocation } from '../rich/content.ts'
import { bareEmoji, type RichMeans } from '../rich/means.ts'
import { vcardOf } from '../rich/vcard.ts'

/** An app shows each button in a row of its own: more of them, or longer ones, nobody reads. */
const buttons = { textLength: 4096, max: 20, titleLength: 64, idLength: 64, idUnit: 'byte' } as const

/** Source: Telegram, Bot API "ReactionTypeEmoji". */
const REACTIONS =
  '👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡'.split(
    ' ',
  )

/** Source: Telegram, Bot API "InlineKeyboardButton", "sendContact", "setMessageReaction". */
export const TELEGRAM_RICH: RichMeans = {
  replies: buttons,
  links: { ...buttons, mixed: true },
  location: {},
  contacts: { max: 1, needsPhone: true, vcardBytes: 2048 },
  reactions: { emojis: REACTIONS },
}

/**
 * By which method it goes, with which fields; undefined for what Telegram has no form for.
 * @param target the number of the message that a reaction is to
 */
export function richMethod(rich: RichContent, target?: number): { method: string; fields: JsonObject } | undefined {
  switch (rich.type) {
    case 'interactive': {
      if (rich.interactive.buttons === undefined) return undefined
      const inline_keyboard = rich.interactive.buttons.map((button) => [keyOf(button)])
      return { method: 'sendMessage', fields: { text: rich.text, reply_markup: { inline_keyboard } } }
    }
    case 'location':
      return placeMethod(rich.location)
    case 'contacts': {
      const [card] = rich.contacts
      const [phone] = card?.phones ?? []
      if (card === undefined || phone === undefined) return undefined
      const fields = { phone_number: phone, first_name: card.name }
      // What one number and a name do not say stands in the card.
      const isMore = card.phones.length > 1 || card.emails.length > 0 || card.company !== undefined
      return { method: 'sendContact', fields: isMore ? { ...fields, vcard: vcardOf(card) } : fields }
    }
    case 'reaction': {
      const { emoji } = rich.reaction
      const reaction = emoji === null ? [] : [{ type: 'emoji', emoji: bareEmoji(emoji) }]
      return target === undefined
        ? undefined
        : { method: 'setMessageReaction', fields: { message_id: target, reaction } }
    }
  }
}

const keyOf = (button: Button): JsonObject =>
  isLink(button) ? { text: button.title, url: button.url } : { text: button.title, callback_data: button.id }

/** A venue has a title and an address; a bare place has neither. */
function placeMethod(location: SharedLocation): { method: string; fields: JsonObject } {
  const { latitude, longitude, name, address } = location
  const where = { latitude, longitude }
  if (name === undefined && address === undefined) return { method: 'sendLocation', fields: where }
  const title = name ?? address ?? ''
  const street = name === undefined ? undefined : address
  return { method: 'sendVenue', fields: { ...where, title, address: street ?? coordinatesOf(location) } }
}
