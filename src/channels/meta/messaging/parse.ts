import type { Parsed } from '../../channel.ts'
import { at, camelCased, cleanJson, compact, isObject, type JsonValue, textAt } from '../../json.ts'
import type { MessageEvent, NeutralEvent } from '../../neutral.ts'
import { timeOf } from '../../time.ts'
import { parseChange } from './change.ts'
import { detailOf, type Item, isEcho, isOverheard, itemOf, type Platform, sidesOf, syntheticId } from './item.ts'
import { bodyOf } from './message.ts'
import { parseNotice } from './notice.ts'
import { parseProgress } from './progress.ts'
import { parseSystem } from './system.ts'

/** One stored Messenger or Instagram event as neutral events. Total over any JSON. */
export function parseMessaging(platform: Platform, event: { payload: JsonValue }): Parsed {
  const payload = cleanJson(event.payload)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  const source = itemOf(platform, payload)
  if (source === undefined) return parseChange(platform, payload)
  switch (source.name) {
    case undefined:
      return saysNothing(source)
        ? { outcome: 'ignored', reason: 'empty' }
        : { outcome: 'failed', reason: 'event_unknown' }
    case 'message':
      return parseMessage(source)
    case 'message_edit':
      return parseEdit(source)
    case 'reaction':
      return parseReaction(source)
    case 'postback':
      return parsePostback(source)
    case 'delivery':
    case 'read':
      return parseProgress(source)
    case 'app_roles':
    case 'policy_enforcement':
      return parseNotice(source)
    default:
      return parseSystem(source)
  }
}

/** Who and when, and not what: Meta sends that where another app may know what. */
const saysNothing = ({ item }: Item): boolean =>
  Object.keys(item).every((name) => name === 'sender' || name === 'recipient' || name === 'timestamp')

/** Who and when, as every event about a message says it; undefined where nobody is named. */
function commonOf(
  source: Item,
): Pick<MessageEvent, 'direction' | 'from' | 'to' | 'occurredAt'> | { missing: 'no_sender' | 'no_recipient' } {
  const { direction, customer, business } = sidesOf(source)
  const inbound = direction === 'inbound'
  if (customer.identities.length === 0) return { missing: inbound ? 'no_sender' : 'no_recipient' }
  return {
    direction,
    from: inbound ? customer : business,
    to: inbound ? business : customer,
    occurredAt: timeOf(at(source.item, 'timestamp')),
  }
}

function parseMessage(source: Item): Parsed {
  const message = detailOf(source)
  if (!isObject(message)) return { outcome: 'failed', reason: 'not_an_object' }
  const common = commonOf(source)
  if ('missing' in common) return { outcome: 'failed', reason: common.missing }
  const externalId = textAt(message, 'mid')
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_message_id' }
  if (at(message, 'is_deleted') === true) return one({ type: 'delete', externalId, ...common })
  // The account's own notes to itself.
  if (at(message, 'is_self') === true) return { outcome: 'ignored', reason: 'to_itself' }
  const messageId = isEcho(source) ? ownId(textAt(message, 'metadata')) : undefined
  const replyTo = textAt(message, 'reply_to', 'mid')
  return one({
    type: 'message',
    externalId,
    ...(messageId === undefined ? {} : { messageId }),
    ...common,
    historical: isOverheard(source),
    ...bodyOf(message, source.isStandby),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...referralOf(at(message, 'referral') ?? at(source.item, 'referral')),
  })
}

/** Our own id in an echo: other apps put there what they like. */
function ownId(metadata: string | undefined): string | undefined {
  return metadata !== undefined && /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(metadata)
    ? metadata
    : undefined
}

function referralOf(referral: JsonValue | undefined): Pick<MessageEvent, 'referral'> {
  const said = referral === undefined ? undefined : camelCased(referral)
  return isObject(said) && Object.keys(said).length > 0 ? { referral: said } : {}
}

function parseEdit(source: Item): Parsed {
  const edit = detailOf(source)
  const common = commonOf(source)
  if ('missing' in common) return { outcome: 'failed', reason: common.missing }
  const externalId = textAt(edit, 'mid')
  if (externalId === undefined) return { outcome: 'failed', reason: 'no_target' }
  // Some clients report the sending itself as edit number nothing.
  if (textAt(edit, 'num_edit') === '0') return { outcome: 'ignored', reason: 'not_edited' }
  const text = textAt(edit, 'text') ?? ''
  return one({
    type: 'edit',
    externalId,
    ...common,
    message: { type: 'text', content: { text }, text },
    media: [],
  })
}

/** Older reactions come without their emoji. */
const EMOJI: ReadonlyMap<string, string> = new Map([
  ['like', '👍'],
  ['dislike', '👎'],
  ['love', '❤️'],
  ['smile', '😆'],
  ['haha', '😆'],
  ['wow', '😮'],
  ['sad', '😢'],
  ['angry', '😠'],
])

function parseReaction(source: Item): Parsed {
  const reaction = detailOf(source)
  const common = commonOf(source)
  if ('missing' in common) return { outcome: 'failed', reason: common.missing }
  const externalId = textAt(reaction, 'mid')
  if (externalId === undefined) return { outcome: 'ignored', reason: 'no_target' }
  const word = textAt(reaction, 'reaction')
  const emoji = textAt(reaction, 'emoji') ?? (word === undefined ? undefined : (EMOJI.get(word) ?? word))
  const isTakenBack = textAt(reaction, 'action')?.toLowerCase() === 'unreact'
  return one({ type: 'reaction', externalId, ...common, emoji: isTakenBack ? null : (emoji ?? null) })
}

/** A button of a message, a menu or the start of a conversation. On standby there is no payload. */
function parsePostback(source: Item): Parsed {
  const postback = detailOf(source)
  const common = commonOf(source)
  if ('missing' in common) return { outcome: 'failed', reason: common.missing }
  const payload = textAt(postback, 'payload')
  const title = textAt(postback, 'title')
  return one({
    type: 'message',
    externalId: textAt(postback, 'mid') ?? syntheticId(source),
    ...common,
    historical: isOverheard(source),
    message: {
      type: 'button',
      content: compact({ payload, title, standby: source.isStandby ? true : undefined }),
      text: title ?? payload ?? '[button]',
    },
    media: [],
    ...referralOf(at(postback, 'referral') ?? at(source.item, 'referral')),
  })
}

function one(event: NeutralEvent): Parsed {
  return { outcome: 'events', events: [event] }
}
