import { randomUUIDv7 } from 'node:crypto'
import type { Thread } from '../../channels/neutral.ts'
import { indexable } from '../../resources/identities/address.ts'
import type { Person } from './people.ts'
import { type ConversationRecord, contactOf, type Records } from './records.ts'

/** What a message means for its conversation. */
export interface Utterance {
  messageId: string
  atMs: number
  isInbound: boolean
  isHistorical: boolean
  /** Systems and calls say nothing: nobody waits for an answer to them, and they open no window. */
  isSaid: boolean
  /** A machine wrote it: it can be read, but nobody waits, it opens nothing and it answers nothing. */
  isAutomated: boolean
  /** Another app or module of the account answers this person: nothing begins here by it. */
  isElsewhere?: boolean
}

/**
 * The one conversation of a group, whoever of its members speaks; undefined where none is known: nobody who was named has
 * spoken there yet.
 */
export function groupConversation(records: Records, thread: Thread | undefined): ConversationRecord | undefined {
  const threadKey = groupKey(thread)
  return records.conversations.find((one) => one.isGroup && one.threadKey === threadKey)
}

/** The key of a group's thread; undefined for one between a person and us. */
export const groupKey = (thread: Thread | undefined): string | undefined =>
  thread?.kind === 'group' && thread.id !== '' ? indexable(thread.id) : undefined

/**
 * The one conversation of a group; else that of a person on this channel and thread. A person has several addresses of one
 * account (a number, a user id), and not every event names them all: a conversation at any of them is the same, unless the
 * person writes from another address of the same kind.
 */
export function conversationFor(
  records: Records,
  { contact, identity }: Person,
  addresses: readonly { kind: string; variants: readonly string[] }[],
  thread: Thread | undefined,
  isHistorical: boolean,
): ConversationRecord {
  const threadKey = indexable(thread?.id ?? '')
  const isGroup = groupKey(thread) !== undefined
  const ofGroup = groupConversation(records, thread)
  if (ofGroup) return ofGroup
  const candidates = records.conversations.filter(
    (one) => !isGroup && one.threadKey === threadKey && contactOf(records, one.contactId) === contact,
  )
  const isOwn = (row: { kind: string; matchValue: string }): boolean =>
    addresses.some((address) => address.kind === row.kind && address.variants.includes(row.matchValue))
  const fits = (one: ConversationRecord): boolean => {
    const row = records.identities.find(({ id }) => id === one.identityId)
    // What was said from an address that was given up belongs where its person is now.
    if (!row || identity.state !== 'active') return row !== undefined
    return isOwn(row) || !addresses.some((address) => address.kind === row.kind)
  }
  const found = candidates.find((one) => one.identityId === identity.id) ?? candidates.find(fits)
  if (found) {
    const row = records.identities.find(({ id }) => id === found.identityId)
    // Answers go to the address that the provider prefers among those that it names together.
    if (found.identityId !== identity.id && identity.state === 'active' && row && isOwn(row)) {
      found.identityId = identity.id
      found.isChanged = true
    }
    return found
  }
  const conversation: ConversationRecord = {
    id: randomUUIDv7(),
    contactId: contact.id,
    identityId: identity.id,
    threadKey,
    isGroup,
    // The past is not work to do.
    status: isHistorical ? 'closed' : 'open',
    unreadCount: 0,
    waitingSinceMs: null,
    lastInboundMs: null,
    lastMessageMs: null,
    state: 'active',
    recent: [],
    isSending: false,
    isNew: true,
    isChanged: false,
    heard: 0,
    occasions: [],
    lastMessageId: null,
  }
  records.conversations.push(conversation)
  return conversation
}

/**
 * Takes a message into its conversation. Whatever the order in which messages arrive, the same comes out: an answer
 * given elsewhere (an echo) settles what was said until then, no more and no less.
 */
export function utter(conversation: ConversationRecord, said: Utterance): void {
  const { atMs, isInbound, isHistorical, messageId } = said
  conversation.isChanged = true
  if (isLast(conversation, atMs)) {
    conversation.lastMessageMs = Math.max(conversation.lastMessageMs ?? atMs, atMs)
    conversation.lastMessageId = messageId
  }
  // Whoever answers next, here or there, has the provider's window for it.
  if (said.isElsewhere && said.isSaid && isInbound)
    conversation.lastInboundMs = Math.max(conversation.lastInboundMs ?? atMs, atMs)
  if (isHistorical) return
  if (conversation.isNew && conversation.occasions.length === 0 && !said.isElsewhere)
    conversation.occasions.push({ event: 'conversation_created', messageId })
  if (!said.isSaid) return
  if (isInbound) {
    if (conversation.status === 'closed' && !said.isAutomated)
      conversation.occasions.push({ event: 'conversation_reopened', messageId })
    conversation.occasions.push({ event: 'message_received', messageId })
    conversation.heard++
  }
  // A machine is shown and can be read, and that is all: nobody owes it an answer, and it answers nothing.
  if (said.isAutomated) {
    if (isInbound) conversation.unreadCount++
    return
  }
  if (isInbound) hearContact(conversation, atMs)
  else hearEcho(conversation, atMs)
  conversation.recent.push({ isEcho: !isInbound, atMs })
}

/**
 * Whether nothing in the conversation is later. Many providers name whole seconds: what somebody wrote in the second in
 * which we answered came behind our answer, or it would have been there before.
 */
function isLast({ lastMessageMs }: ConversationRecord, atMs: number): boolean {
  if (lastMessageMs === null) return true
  return atMs >= (atMs % 1000 === 0 ? lastMessageMs - (lastMessageMs % 1000) : lastMessageMs)
}

function hearContact(conversation: ConversationRecord, atMs: number): void {
  conversation.status = 'open'
  conversation.state = 'active'
  conversation.lastInboundMs = Math.max(conversation.lastInboundMs ?? atMs, atMs)
  if (conversation.recent.some((one) => one.isEcho && one.atMs >= atMs)) return
  conversation.unreadCount++
  conversation.waitingSinceMs = Math.min(conversation.waitingSinceMs ?? atMs, atMs)
}

function hearEcho(conversation: ConversationRecord, atMs: number): void {
  const later = conversation.recent.filter((one) => !one.isEcho && one.atMs > atMs).map((one) => one.atMs)
  conversation.unreadCount = Math.min(conversation.unreadCount, later.length)
  if (conversation.waitingSinceMs === null || conversation.waitingSinceMs > atMs) return
  conversation.waitingSinceMs = later.length === 0 ? null : Math.min(...later)
}
