import { at, type JsonValue, textAt } from '../json.ts'
import { languageOf } from '../language.ts'
import type { Party } from '../neutral.ts'
import { phoneOf } from '../phone.ts'
import { isPrivateChat } from './thread.ts'

/** A user `{id, first_name, last_name?, username?, language_code?}`, or a chat as somebody who speaks. */
export function partyOf(user: JsonValue | undefined): Party {
  const id = textAt(user, 'id')
  if (id === undefined) return { identities: [] }
  const displayName = nameOf(user)
  const username = textAt(user, 'username')
  const language = languageOf(textAt(user, 'language_code'))
  return {
    identities: [{ kind: 'telegram', value: id, verified: true }],
    ...(displayName === undefined ? {} : { displayName }),
    ...(username === undefined ? {} : { username }),
    ...(language === undefined ? {} : { fields: { language } }),
  }
}

/** What somebody, or a chat, is called. */
export function nameOf(user: JsonValue | undefined): string | undefined {
  const name = [textAt(user, 'first_name'), textAt(user, 'last_name')].filter((part) => part !== undefined).join(' ')
  return name === '' ? textAt(user, 'title') : name
}

/**
 * Who wrote a message. Administrators who hide, and channels, speak as `sender_chat`; `from` is then a stand-in that
 * all of them share.
 */
export function senderOf(message: JsonValue): Party {
  const chat = at(message, 'sender_chat')
  if (chat === undefined || chat === null) return withOwnPhone(partyOf(at(message, 'from')), message)
  const signature = textAt(message, 'author_signature')
  return { ...partyOf(chat), ...(signature === undefined ? {} : { displayName: signature }) }
}

/** A person alone with the bot, or with the business: their chat bears their id and their names. */
export function chatPartyOf(chat: JsonValue): Party {
  return isPrivateChat(chat) ? partyOf(chat) : { identities: [] }
}

/**
 * Somebody who sends their own contact card proves the number: Telegram puts the number's owner into `user_id`.
 * Anybody else's number is content, no address.
 */
function withOwnPhone(party: Party, message: JsonValue): Party {
  const owner = textAt(message, 'contact', 'user_id')
  const phone = phoneOf((textAt(message, 'contact', 'phone_number') ?? '').replaceAll(/[\s()-]/g, ''))
  if (phone === undefined || owner === undefined || owner !== party.identities[0]?.value) return party
  return { ...party, phone, identities: [...party.identities, { kind: 'phone', value: phone, verified: true }] }
}
