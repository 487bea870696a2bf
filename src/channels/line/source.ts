import { type JsonValue, textAt } from '../json.ts'
import type { Party, Thread } from '../neutral.ts'

/**
 * Where an event comes from: `source: {type: user|group|room, userId?, groupId?, roomId?}`. The user is left out for
 * people who did not agree to be told, for what concerns a group as a whole, and the source itself for what concerns
 * the account. Source: LINE, Messaging API "Source".
 */

/** Ids that LINE gives per provider: it vouches for them. No identities where it named nobody. */
export function customerOfEvent(event: JsonValue): Party {
  const userId = textAt(event, 'source', 'userId')
  return userId === undefined ? { identities: [] } : { identities: [{ kind: 'line', value: userId, verified: true }] }
}

/** A group or a room ("multi-person chat"); undefined for a chat with one person. */
export function threadOfEvent(event: JsonValue): Thread | undefined {
  const id = textAt(event, 'source', 'groupId') ?? textAt(event, 'source', 'roomId')
  return id === undefined ? undefined : { id, kind: 'group' }
}

/** All that happens in a group is in order, and all that one person does outside of groups. */
export function laneOfEvent(event: JsonValue): string | null {
  const thread = threadOfEvent(event)
  return thread === undefined ? (textAt(event, 'source', 'userId') ?? null) : `group:${thread.id}`
}
