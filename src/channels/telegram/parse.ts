import type { Parsed } from '../channel.ts'
import { at, cleanJson, type JsonObject, type JsonValue, textAt } from '../json.ts'
import type { Direction, MessageEvent, NeutralEvent, Party, Thread } from '../neutral.ts'
import { timeOf } from '../time.ts'
import {
  parseBusinessConnection,
  parseDeletion,
  parseJoinRequest,
  parseMembership,
  parseOwnMembership,
  parseReaction,
} from './around.ts'
import { parseCallback } from './callback.ts'
import { bodyOf } from './message.ts'
import { chatPartyOf, senderOf } from './party.ts'
import { externalIdOf, messageIdOf, threadOf } from './thread.ts'
import { updateOf } from './update.ts'

/**
 * What a channel tells all its readers is said to nobody, and by the business itself as a rule; the others are for bots
 * that sell, search, poll or make bots: kept raw, by their names. Source: Telegram, Bot API "Update".
 */
const UNUSED_KINDS = new Set([
  'channel_post',
  'edited_channel_post',
  'message_reaction_count',
  'inline_query',
  'chosen_inline_result',
  'shipping_query',
  'pre_checkout_query',
  'purchased_paid_media',
  'poll',
  'poll_answer',
  'chat_boost',
  'removed_chat_boost',
  'managed_bot',
])

/** One stored Telegram update as neutral events. Total over any JSON. */
export function parseTelegram({ payload: stored }: { payload: JsonValue }): Parsed {
  const payload = cleanJson(stored)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  const update = updateOf(payload)
  if (update === undefined) return { outcome: 'failed', reason: 'unknown_shape' }
  const { kind, item } = update
  const updateId = textAt(payload, 'update_id')
  switch (kind) {
    case 'message':
    case 'business_message':
      return parseMessage(item)
    case 'edited_message':
    case 'edited_business_message':
      return parseEdit(item)
    case 'deleted_business_messages':
      return parseDeletion(item)
    case 'callback_query':
      return parseCallback(item)
    case 'message_reaction':
      return parseReaction(item)
    case 'my_chat_member':
      return parseOwnMembership(item, updateId)
    case 'chat_member':
      return parseMembership(item, updateId)
    case 'chat_join_request':
      return parseJoinRequest(item, updateId)
    case 'business_connection':
      return parseBusinessConnection(item)
    default:
      return UNUSED_KINDS.has(kind)
        ? { outcome: 'ignored', reason: kind }
        : { outcome: 'failed', reason: 'unknown_kind' }
  }
}

function parseMessage(message: JsonObject): Parsed {
  const moved = migrationOf(message)
  if (moved !== undefined) return one(moved)
  // A channel's post as it appears in the group beside it: said to all its readers.
  if (at(message, 'is_automatic_forward') === true) return { outcome: 'ignored', reason: 'automatic_forward' }
  const externalId = externalIdOf(message)
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_message_id' }
  const parties = partiesOf(message)
  if (parties === undefined) return { outcome: 'failed', reason: 'no_sender' }
  return one({
    type: 'message',
    externalId,
    historical: false,
    ...parties,
    ...placeOf(message),
    occurredAt: timeOf(at(message, 'date')),
    ...bodyOf(message),
    ...contextOf(message),
    ...automationOf(message),
  })
}

function parseEdit(message: JsonObject): Parsed {
  const externalId = externalIdOf(message)
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_target' }
  const parties = partiesOf(message)
  if (parties === undefined) return { outcome: 'failed', reason: 'no_sender' }
  return one({
    type: 'edit',
    externalId,
    ...parties,
    ...placeOf(message),
    occurredAt: timeOf(at(message, 'edit_date')) ?? timeOf(at(message, 'date')),
    ...bodyOf(message),
  })
}

/**
 * Who spoke to whom. In a chat of the business's own account both sides come in: what the person wrote whose chat it is,
 * and what the business answered, by hand or through a bot (`sender_business_bot`, ourselves perhaps: then the message is
 * known by its id).
 */
function partiesOf(message: JsonObject): { direction: Direction; from: Party; to?: Party } | undefined {
  const sender = senderOf(message)
  const chat = at(message, 'chat') ?? null
  if (textAt(message, 'business_connection_id') !== undefined) {
    const isEcho =
      at(message, 'sender_business_bot') !== undefined || textAt(message, 'from', 'id') !== textAt(chat, 'id')
    const customer = chatPartyOf(chat)
    if (customer.identities.length === 0) return undefined
    return isEcho ? { direction: 'outbound', from: sender, to: customer } : { direction: 'inbound', from: sender }
  }
  const from = sender.identities.length > 0 ? sender : chatPartyOf(chat)
  return from.identities.length === 0 ? undefined : { direction: 'inbound', from }
}

function placeOf(message: JsonObject): { thread?: Thread } {
  const thread = threadOf(message)
  return thread === undefined ? {} : { thread }
}

function contextOf(message: JsonObject): Pick<MessageEvent, 'replyTo' | 'referral' | 'forwarded'> {
  const chatId = textAt(message, 'chat', 'id')
  const answered = textAt(message, 'reply_to_message', 'message_id')
  const isHere = (textAt(message, 'reply_to_message', 'chat', 'id') ?? chatId) === chatId
  const isForwarded = at(message, 'forward_origin') !== undefined || at(message, 'forward_date') !== undefined
  const payload = startPayloadOf(message)
  return {
    ...(chatId !== undefined && answered !== undefined && isHere
      ? { replyTo: messageIdOf(chatId, answered, textAt(message, 'business_connection_id')) }
      : {}),
    ...(isForwarded ? { forwarded: 'once' } : {}),
    ...(payload === undefined ? {} : { referral: { source: 'deep_link', payload } }),
  }
}

/** Who opens `t.me/<bot>?start=<payload>` says "/start <payload>". */
function startPayloadOf(message: JsonObject): string | undefined {
  return /^\/start(?:group)?(?:@\w{1,64})? ([\w-]{1,128})$/.exec(textAt(message, 'text') ?? '')?.[1]
}

/** Another bot in a group, or what Telegram sends in somebody's absence: nobody waits for an answer. */
function automationOf(message: JsonObject): Pick<MessageEvent, 'automated'> {
  const isBot = at(message, 'from', 'is_bot') === true && at(message, 'sender_chat') === undefined
  const isEcho = at(message, 'sender_business_bot') !== undefined
  return (isBot && !isEcho) || at(message, 'is_from_offline') === true ? { automated: 'auto_reply' } : {}
}

/**
 * A group became a supergroup, which has another id. Both groups say so, each in its own place in the order of things;
 * whichever comes first counts.
 */
function migrationOf(message: JsonObject): NeutralEvent | undefined {
  const chatId = textAt(message, 'chat', 'id')
  const to = textAt(message, 'migrate_to_chat_id')
  const from = textAt(message, 'migrate_from_chat_id')
  if (chatId === undefined || (to === undefined && from === undefined)) return undefined
  return {
    type: 'threadChange',
    old: { id: from ?? chatId, kind: 'group' },
    current: { id: from === undefined ? (to ?? chatId) : chatId, kind: 'group' },
    occurredAt: timeOf(at(message, 'date')),
  }
}

function one(event: NeutralEvent): Parsed {
  return { outcome: 'events', events: [event] }
}
