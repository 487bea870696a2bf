import { rowsWhere } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { conversation, message } from '../../db/tables/conversation.ts'
import { conversationRead } from '../../db/tables/inbox.ts'

/*
 * What is unread, without counting messages: `heard_count` counts what the contact has said since the conversation
 * began, and a member's marker says how much of that they had read. One subtraction for each row of a list.
 *
 * `unread_count` is no member's: it counts what the house has not answered yet (nor closed), and is what is unread for
 * whoever has never said how far they have read. So a new member does not find years of conversations unread.
 */

/** What counts as said by the contact: not what systems tell, not what was brought in from the past, not what was taken back. */
export const isHeard = (alias: SQL): SQL =>
  sql`${alias}.direction = 'inbound' AND NOT ${alias}.historical AND ${alias}.type NOT IN ('system', 'call') AND ${alias}.deleted_at IS NULL`

/** The marker of whoever asks, as something to select from, for the conversation of the row at hand. */
export const ownMarker = (columns: SQL): SQL =>
  sql`(SELECT ${columns} FROM ${conversationRead} AS r WHERE r.tenant_id = ${conversation.tenantId}
    AND r.member_id = ${named('reader')}::uuid AND r.conversation_id = ${conversation.id})`

/** How many messages of the contact whoever asks has not read; of those that they may see. */
export function unreadCountOf(principal: Principal): SQL {
  if (!seesSome(principal))
    return sql`coalesce(${ownMarker(sql`greatest(${conversation.heardCount} - r.read_count, 0)`)}, ${conversation.unreadCount})`
  const after = ownMarker(sql`r.message_at, r.message_id`)
  const unanswered = sql`${message.occurredAt} >= ${conversation.waitingSince}`
  return sql`CASE WHEN ${ownMarker(sql`true`)} THEN ${visible(principal, sql`((${message.occurredAt}, ${message.id}) > ${after}) IS NOT FALSE`)}
    ELSE least(${conversation.unreadCount}, ${visible(principal, unanswered)}) END`
}

/**
 * Where something may be unread for whoever asks: those whose marker is behind, and those that nobody has answered yet.
 * Few among many, found by two indexes, where the list itself would be gone through to its end.
 */
export const maybeUnread: SQL = sql`${conversation.id} = ANY (ARRAY(SELECT r.conversation_id FROM ${conversationRead} AS r
    WHERE r.tenant_id = ${named('eventTenant')}::uuid AND r.member_id = ${named('reader')}::uuid AND r.is_behind
  UNION ALL SELECT u.id FROM ${conversation} AS u WHERE u.tenant_id = ${named('eventTenant')}::uuid AND u.unread_count > 0))`

/**
 * Whether whoever asks sees some messages of a conversation and not others: then what they see is counted, since a
 * difference of two counters would tell how many there are that they do not see. Whoever sees no message at all is given
 * the count by their right to the field.
 */
export function seesSome({ ability }: Principal): boolean {
  return ability.rules('read', 'messages').some((rules) => rules.length > 0 && rules.every(({ when }) => when !== null))
}

/** How many messages of the contact there are that whoever asks sees, by a further condition over them. */
function visible(principal: Principal, further: SQL): SQL {
  const model = principal.ability.models.get('messages')
  const rows = model ? rowsWhere(principal, model, 'read') : false
  return sql`(SELECT count(*)::int FROM ${message} WHERE ${message.tenantId} = ${conversation.tenantId} AND ${message.conversationId} = ${conversation.id}
    AND ${isHeard(sql`${message}`)} AND ${further} AND ${rows || sql`false`} AND ${message.state} = 'active')`
}
