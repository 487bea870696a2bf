import type { Parsed } from '../channel.ts'
import { at, camelCased, compact, type JsonObject, type JsonValue, listAt, textAt } from '../json.ts'
import type { MessageBody, MessageEvent, NeutralEvent, Party } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { chatPartyOf, nameOf, partyOf } from './party.ts'
import { system } from './system.ts'
import { externalIdOf, isPrivateChat, messageIdOf, threadOf } from './thread.ts'

/** What happens around messages: reactions, deletions, who may write to whom. */

/** Up to three emoji at once, of which the whole counts as one reaction; an own emoji of Telegram's is named by its id. */
export function parseReaction(item: JsonObject): Parsed {
  const externalId = externalIdOf(item)
  const from = partyOf(at(item, 'user') ?? at(item, 'actor_chat'))
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_target' }
  if (from.identities.length === 0) return { outcome: 'failed', reason: 'no_sender' }
  const emoji = listAt(item, 'new_reaction').map((one) => {
    const type = textAt(one, 'type')
    if (type === 'paid') return '⭐'
    return textAt(one, 'emoji') ?? `:${textAt(one, 'custom_emoji_id') ?? type ?? 'unknown'}:`
  })
  return one({
    type: 'reaction',
    externalId,
    direction: 'inbound',
    from,
    ...sceneOf(item),
    occurredAt: timeOf(at(item, 'date')),
    emoji: emoji.length === 0 ? null : emoji.join(''),
  })
}

/** Only chats of the business's own account tell of deletions. Who deleted is not told: either side can. */
export function parseDeletion(item: JsonObject): Parsed {
  const chat = at(item, 'chat') ?? null
  const chatId = textAt(chat, 'id')
  const connectionId = textAt(item, 'business_connection_id')
  const ids = listAt(item, 'message_ids').flatMap((id) => textAt(id) ?? [])
  if (chatId === undefined || ids.length === 0) return { outcome: 'failed', reason: 'no_target' }
  return {
    outcome: 'events',
    events: ids.map((id) => ({
      type: 'delete',
      externalId: messageIdOf(chatId, id, connectionId),
      direction: 'inbound',
      from: chatPartyOf(chat),
      ...sceneOf(item),
      occurredAt: null,
    })),
  }
}

/** In a private chat: whether the bot may write to this person. In a group: whether the bot is there. */
export function parseOwnMembership(item: JsonObject, updateId: string | undefined): Parsed {
  const status = textAt(item, 'new_chat_member', 'status')
  const before = textAt(item, 'old_chat_member', 'status')
  if (status === undefined) return { outcome: 'failed', reason: 'no_status' }
  const chat = at(item, 'chat') ?? null
  const isIn = isThere(item, 'new_chat_member')
  if (!isPrivateChat(chat)) {
    const name = isIn === isThere(item, 'old_chat_member') ? 'bot_rights_changed' : isIn ? 'bot_added' : 'bot_removed'
    return one(told(item, updateId, { identities: [] }, system(name, { status, before }, OWN[name])))
  }
  const from = chatPartyOf(chat).identities.length > 0 ? chatPartyOf(chat) : partyOf(at(item, 'from'))
  const body = isIn
    ? system('bot_unblocked', { status, before }, 'Started or unblocked the bot')
    : system('bot_blocked', { status, before }, 'Blocked the bot')
  return {
    outcome: 'events',
    events: [
      {
        type: 'preference',
        category: 'all',
        state: isIn ? 'resume' : 'stop',
        detail: compact({ type: 'my_chat_member', status, before }),
        from,
        occurredAt: timeOf(at(item, 'date')),
      },
      told(item, updateId, from, body),
    ],
  }
}

const OWN = {
  bot_added: 'The bot was added to the group',
  bot_removed: 'The bot was removed from the group',
  bot_rights_changed: 'What the bot may do in the group has changed',
}

/** Who joins or leaves a group is named, and becomes no contact by that. */
export function parseMembership(item: JsonObject, updateId: string | undefined): Parsed {
  const user = at(item, 'new_chat_member', 'user')
  const status = textAt(item, 'new_chat_member', 'status')
  if (status === undefined) return { outcome: 'failed', reason: 'no_status' }
  const before = textAt(item, 'old_chat_member', 'status')
  const isIn = isThere(item, 'new_chat_member')
  const changed = isIn !== isThere(item, 'old_chat_member')
  const name = nameOf(user) ?? 'Somebody'
  const members = [compact({ id: textAt(user, 'id'), displayName: nameOf(user) })]
  const [event, text] = !changed
    ? ['member_changed', `What ${name} may do in the group has changed`]
    : isIn
      ? ['member_joined', `${name} joined the group`]
      : ['member_left', `${name} left the group`]
  return one(told(item, updateId, { identities: [] }, system(event, { members, status, before }, text)))
}

export function parseJoinRequest(item: JsonObject, updateId: string | undefined): Parsed {
  const from = partyOf(at(item, 'from'))
  if (from.identities.length === 0) return { outcome: 'failed', reason: 'no_sender' }
  const invite = at(item, 'invite_link')
  const content = { bio: textAt(item, 'bio'), inviteLink: textAt(invite, 'name') ?? textAt(invite, 'invite_link') }
  return one(told(item, updateId, from, system('chat_join_request', content, 'Asked to join the group')))
}

/** The business's own account lets the bot into its chats, or out of them. */
export function parseBusinessConnection(item: JsonObject): Parsed {
  const isEnabled = at(item, 'is_enabled') === true
  const canReply = at(item, 'rights', 'can_reply') ?? at(item, 'can_reply')
  const isReadOnly = isEnabled && canReply === false
  return one({
    type: 'notice',
    kind: !isEnabled
      ? 'business_connection_disabled'
      : isReadOnly
        ? 'business_connection_read_only'
        : 'business_connection',
    severity: isEnabled && !isReadOnly ? 'info' : 'warning',
    text: !isEnabled
      ? 'The business account disconnected the bot'
      : isReadOnly
        ? 'The business account lets the bot read its chats, but not answer'
        : 'The business account connected the bot',
    detail: compact({ id: textAt(item, 'id'), isEnabled, rights: camelCased(at(item, 'rights') ?? null) }),
    occurredAt: timeOf(at(item, 'date')),
  })
}

/** "restricted" members may be in the group or not. */
function isThere(item: JsonObject, which: string): boolean {
  const status = textAt(item, which, 'status')
  if (status === 'restricted') return at(item, which, 'is_member') === true
  return status === 'member' || status === 'administrator' || status === 'creator'
}

/** A change of the chat as a message of its history. It has no id of its own in the chat. */
function told(item: JsonObject, updateId: string | undefined, from: Party, message: MessageBody): MessageEvent {
  const said = [textAt(item, 'chat', 'id'), textAt(item, 'date'), String(message.content.event)].join(':')
  return {
    type: 'message',
    externalId: updateId === undefined ? `event:${said}` : `update:${updateId}`,
    direction: 'inbound',
    historical: false,
    from,
    ...sceneOf(item),
    occurredAt: timeOf(at(item, 'date')),
    message,
    media: [],
  }
}

function sceneOf(item: JsonValue): Pick<MessageEvent, 'thread'> {
  const thread = threadOf(item)
  return thread === undefined ? {} : { thread }
}

function one(event: NeutralEvent): Parsed {
  return { outcome: 'events', events: [event] }
}
