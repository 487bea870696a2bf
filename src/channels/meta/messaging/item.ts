import { at, canonicalHash, isObject, type JsonObject, type JsonValue, listAt, objectAt, textAt } from '../../json.ts'
import type { Direction, Identity, Party } from '../../neutral.ts'

/** Messenger and Instagram speak one protocol: a page, or an Instagram account, and people known to it alone. */
export type Platform = 'messenger' | 'instagram'

/** One item of `messaging` or `standby` (which another app answers) with what surrounds it. */
export interface Item {
  platform: Platform
  /** the page or the Instagram account in whose entry it stood */
  account: string | undefined
  isStandby: boolean
  item: JsonObject
  /** the member that says what happened; undefined where no known one is there */
  name: EventName | undefined
}

const EVENT_NAMES = [
  'message',
  'message_edit',
  'reaction',
  'delivery',
  'read',
  'postback',
  'optin',
  'pass_thread_control',
  'take_thread_control',
  'request_thread_control',
  'app_roles',
  'account_linking',
  'policy_enforcement',
  'message_request',
  'messaging_customer_information',
  'messaging_feedback',
  'response_feedback',
  'payment',
  'checkout_update',
  'pre_checkout',
  'game_play',
  'branded_camera',
  // Last, since it also stands beside messages and postbacks.
  'referral',
] as const
export type EventName = (typeof EVENT_NAMES)[number]

/** Reads back what `split` stored; undefined for payloads that hold no single item. */
export function itemOf(platform: Platform, payload: JsonValue): Item | undefined {
  const account = textAt(payload, 'id')
  const [said] = listAt(payload, 'messaging')
  const [overheard] = listAt(payload, 'standby')
  const item = said ?? overheard ?? messagingChange(listAt(payload, 'changes')[0])
  if (!isObject(item)) return undefined
  return { platform, account, isStandby: said === undefined && overheard !== undefined, item, name: nameOf(item) }
}

/** Meta's test button, and sometimes more than that, puts a messaging item into `changes`. */
export function messagingChange(change: JsonValue | undefined): JsonObject | undefined {
  const value = at(change, 'value')
  return isObject(value) && isObject(at(value, 'sender')) && nameOf(value) !== undefined ? value : undefined
}

/** An older spelling has a hyphen. */
function nameOf(item: JsonObject): EventName | undefined {
  return EVENT_NAMES.find((name) => Object.hasOwn(item, name) || Object.hasOwn(item, name.replaceAll('_', '-')))
}

/** What the item says under its name. */
export function detailOf({ item, name }: Item): JsonValue {
  return name === undefined ? null : (at(item, name) ?? at(item, name.replaceAll('_', '-')) ?? null)
}

/** What has no id of the provider's is known by its contents, which redeliveries repeat. */
export const syntheticId = ({ item, name = 'message' }: Pick<Item, 'item' | 'name'>): string =>
  `${name}:#${canonicalHash(item)}`

export const isEcho = ({ item }: Item): boolean => at(item, 'message', 'is_echo') === true

/**
 * Somebody said it while another app answers them: it belongs into the history, but nobody here shall wait, be counted on
 * or be routed to because of it. What that app answers is an answer like any other that was given elsewhere.
 */
export const isOverheard = (source: Item): boolean => source.isStandby && sidesOf(source).direction === 'inbound'

/**
 * Who is the customer, and who acted. On echoes, and where the page itself did something (a reaction), the sender is the
 * page. Events around control of the thread name either first, so the page's own id tells.
 */
export function sidesOf(source: Item): { direction: Direction; customer: Party; business: Party } {
  const { item, account, platform } = source
  const sender = textAt(item, 'sender', 'id')
  const recipient = textAt(item, 'recipient', 'id')
  const fromPage = isEcho(source) || (sender !== undefined && sender === account && recipient !== account)
  const business = account ?? (fromPage ? sender : recipient)
  return {
    direction: fromPage ? 'outbound' : 'inbound',
    customer: fromPage ? party(platform, item, 'recipient') : party(platform, item, 'sender'),
    business: { identities: business === undefined ? [] : [{ kind: platform, value: business, verified: true }] },
  }
}

/**
 * Somebody by the id that this page knows them by. A `user_ref` stands for somebody who ticked a box on a website and
 * has not written yet: a claim, which `prior_message` later joins to the id.
 */
function party(platform: Platform, item: JsonObject, side: 'sender' | 'recipient'): Party {
  const id = textAt(item, side, 'id')
  const refs = [
    textAt(item, side, 'user_ref'),
    side === 'sender' ? textAt(item, 'optin', 'user_ref') : undefined,
    textAt(item, 'prior_message', 'source') === 'checkbox_plugin'
      ? textAt(item, 'prior_message', 'identifier')
      : undefined,
  ].filter((ref) => ref !== undefined)
  const identities: Identity[] = id === undefined ? [] : [{ kind: platform, value: id, verified: true }]
  for (const ref of new Set(refs)) identities.push({ kind: platform, value: `${USER_REF}${ref}`, verified: false })
  const username = textAt(objectAt(item, side), 'username')
  return { identities, ...(username === undefined ? {} : { username }) }
}

/** How a `user_ref` is told from an id. */
export const USER_REF = 'user_ref:'
