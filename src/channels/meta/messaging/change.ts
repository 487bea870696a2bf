import type { Parsed } from '../../channel.ts'
import { at, isObject, type JsonValue, listAt, textAt } from '../../json.ts'
import type { Identity, NeutralEvent } from '../../neutral.ts'
import { SAID_FIELDS, type Said, saidOf } from './comment.ts'
import type { Platform } from './item.ts'

/** Fields that are understood and say nothing to an inbox, by why. */
const IGNORED: ReadonlyMap<string, string> = new Map([
  ['story_insights', 'insights'],
  // Each is told as a message, too.
  ['conversations', 'told_otherwise'],
  ['ratings', 'public_post'],
  ...profileFields().map((field): [string, string] => [field, 'page_profile']),
])

/** What a page says of itself. Source: Meta, Graph API "Webhooks reference: Page". */
function profileFields(): string[] {
  return (
    'about affiliation attire awards bio birthday category checkins company_overview culinary_team current_location ' +
    'description email feature_access_list founded general_info general_manager hometown hours live_videos location ' +
    'members mission name page_about_story page_change_proposal page_upcoming_change parking payment_options ' +
    'personal_info personal_interests phone picture price_range product_review products public_transit ' +
    'publisher_subscriptions videos website'
  ).split(' ')
}

/** A change of the page or account that is no item of a conversation. */
export function parseChange(platform: Platform, payload: JsonValue): Parsed {
  const [change] = listAt(payload, 'changes')
  const field = textAt(change, 'field')
  if (field === undefined) return { outcome: 'failed', reason: 'event_unknown' }
  const reason = IGNORED.get(field)
  if (reason !== undefined) return { outcome: 'ignored', reason }
  if (SAID_FIELDS.has(field)) return parseSaid(platform, payload)
  return isTest(change) ? { outcome: 'ignored', reason: 'test' } : { outcome: 'failed', reason: 'field_unknown' }
}

/** An older test button of the dashboard named the page and nothing else. */
function isTest(change: JsonValue | undefined): boolean {
  const value = at(change, 'value')
  return isObject(value) && Object.keys(value).every((name) => name === 'page_id')
}

/**
 * What is said in public as a message of the person's own thread under that comment or post. The account's own words are
 * left out: nobody says to whom they are.
 */
function parseSaid(platform: Platform, payload: JsonValue): Parsed {
  const said = saidOf(platform, payload)
  if ('outcome' in said) return said
  if (said.isOwn) return { outcome: 'ignored', reason: 'own_words' }
  // Instagram names no author of a mention.
  if (said.from.identities.length === 0 && said.did !== 'remove') return { outcome: 'failed', reason: 'no_sender' }
  return { outcome: 'events', events: [eventOf(said, platform, textAt(payload, 'id'))] }
}

function eventOf(said: Said, platform: Platform, account: string | undefined): NeutralEvent {
  const { kind, key, threadId, did, from, occurredAt, text, content, media } = said
  const business: Identity[] = account === undefined ? [] : [{ kind: platform, value: account, verified: true }]
  const common = {
    externalId: key,
    direction: 'inbound' as const,
    from,
    to: { identities: business },
    thread: { id: threadId, kind: 'direct' as const },
    occurredAt,
  }
  if (did === 'remove') return { type: 'delete', ...common }
  const plain = [text, ...media.map(() => '[image]')].filter((part) => part !== '').join(' ')
  const body = {
    message: { type: 'text' as const, content, text: plain === '' ? `[${kind}]` : plain },
    media,
  }
  return did === 'edit'
    ? { type: 'edit', ...common, ...body }
    : { type: 'message', ...common, historical: false, ...body }
}
