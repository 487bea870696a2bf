import { at, camelCased, compact, isObject, type JsonObject, type JsonValue, listAt, textAt } from '../json.ts'
import type { MessageBody } from '../neutral.ts'
import { nameOf } from './party.ts'

/**
 * Service messages: what happened in a chat, for its history. Each stands under a member of its own name.
 * Source: Telegram, Bot API "Message".
 */
const SERVICES: Record<string, string> = {
  new_chat_title: 'Renamed the group',
  new_chat_photo: 'Changed the picture of the group',
  delete_chat_photo: 'Removed the picture of the group',
  group_chat_created: 'Created the group',
  supergroup_chat_created: 'Created the group',
  channel_chat_created: 'Created the channel',
  message_auto_delete_timer_changed: 'Changed when messages delete themselves',
  pinned_message: 'Pinned a message',
  refunded_payment: 'A payment was refunded',
  gift: 'Sent a gift',
  unique_gift: 'Sent a gift',
  gift_upgrade_sent: 'Sent the upgrade of a gift',
  connected_website: 'Logged in to a website through Telegram',
  write_access_allowed: 'Allowed the bot to write',
  passport_data: 'Shared Telegram Passport data',
  proximity_alert_triggered: 'Came near another member',
  boost_added: 'Boosted the group',
  chat_background_set: 'Changed the background of the chat',
  checklist_tasks_done: 'Ticked off tasks of a checklist',
  checklist_tasks_added: 'Added tasks to a checklist',
  direct_message_price_changed: 'Changed the price of direct messages',
  paid_message_price_changed: 'Changed the price of messages',
  forum_topic_created: 'Opened a topic',
  forum_topic_edited: 'Changed a topic',
  forum_topic_closed: 'Closed a topic',
  forum_topic_reopened: 'Opened a topic again',
  general_forum_topic_hidden: 'Hid the general topic',
  general_forum_topic_unhidden: 'Showed the general topic again',
  giveaway_created: 'Started a giveaway',
  giveaway_winners: 'A giveaway has winners',
  giveaway_completed: 'A giveaway has ended',
  suggested_post_approved: 'Approved a suggested post',
  suggested_post_approval_failed: 'Approving a suggested post failed',
  suggested_post_declined: 'Declined a suggested post',
  suggested_post_paid: 'Was paid for a suggested post',
  suggested_post_refunded: 'A suggested post was refunded',
  video_chat_scheduled: 'Scheduled a video chat',
  video_chat_started: 'Started a video chat',
  video_chat_ended: 'Ended a video chat',
  video_chat_participants_invited: 'Invited others to a video chat',
  voice_chat_scheduled: 'Scheduled a voice chat',
  voice_chat_started: 'Started a voice chat',
  voice_chat_ended: 'Ended a voice chat',
  voice_chat_participants_invited: 'Invited others to a voice chat',
}

/** Undefined for messages that are none of these. */
export function systemOf(message: JsonObject): MessageBody | undefined {
  const joined = membersOf(message)
  if (joined.length > 0) {
    const names = joined.map((one) => nameOf(one) ?? 'Somebody').join(', ')
    return system('member_joined', { members: joined.map(memberOf) }, `${names} joined the group`)
  }
  const left = at(message, 'left_chat_member')
  if (isObject(left))
    return system('member_left', { members: [memberOf(left)] }, `${nameOf(left) ?? 'Somebody'} left the group`)
  for (const [member, text] of Object.entries(SERVICES)) {
    const value = at(message, member)
    if (value === undefined) continue
    // Passports are encrypted for the bot, and a pinned message is in the history itself.
    if (member === 'passport_data') return system(member, {}, text)
    if (member === 'pinned_message') return system(member, { messageId: textAt(value, 'message_id') }, text)
    if (member === 'new_chat_title') return system(member, { title: textAt(message, member) }, text)
    return system(member, value === true ? {} : { detail: camelCased(value) }, text)
  }
  return undefined
}

function membersOf(message: JsonObject): JsonValue[] {
  const members = listAt(message, 'new_chat_members')
  const single = at(message, 'new_chat_member') ?? at(message, 'new_chat_participant')
  return members.length === 0 && isObject(single) ? [single] : members
}

function memberOf(user: JsonValue): JsonObject {
  return compact({
    id: textAt(user, 'id'),
    displayName: nameOf(user),
    isBot: at(user, 'is_bot') === true ? true : undefined,
  })
}

export function system(event: string, content: Record<string, JsonValue | undefined>, text: string): MessageBody {
  return { type: 'system', content: { event, ...compact(content) }, text }
}
