import { type Touched, touches } from '../../db/audit-event.ts'
import { recordChanges } from '../../db/change-values.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { contactFollowAll } from '../../resources/contacts/follow-up.ts'
import { contacts as contactResource } from '../../resources/contacts/schema.ts'
import { conversationRouteAll } from '../../resources/conversations/route.ts'
import { conversations as conversationResource } from '../../resources/conversations/schema.ts'
import { type Decision, decide, isAsked, nothing } from '../../resources/routing-rules/decide.ts'
import type { RoutingEvent } from '../../resources/routing-rules/occasion.ts'
import {
  clearById,
  isCounting,
  type RuleSet,
  rosterOf,
  ruleSet,
  turnsWrite,
} from '../../resources/routing-rules/queries.ts'
import type { Roster } from '../../resources/routing-rules/roster.ts'
import { catalogueTags } from '../../resources/tags/queries.ts'
import { contactOf, type Records } from './records.ts'

/** Something that happened to a contact, in a conversation where there is one. */
export interface Asked {
  event: RoutingEvent
  contactId: string
  conversationId: string | null
  messageId: string | null
  consent: JsonRow | null
}

/** Where something happened; a wish that somebody here was told may be about no channel of its own. */
export interface Place {
  channelId: string | null
  businessUnitId: string
}

/** The records that rules ask about, in clear. */
interface Known {
  conversations: ReadonlyMap<string, JsonRow>
  contacts: ReadonlyMap<string, JsonRow>
  messages: ReadonlyMap<string, JsonRow>
  channel: JsonRow
}

export const hasOccasions = ({ consents, conversations }: Records): boolean =>
  consents.length > 0 || conversations.some(({ occasions }) => occasions.length > 0)

/**
 * Asks the tenant's rules about what has happened in a batch, once all of it is written, and does what they say: in the
 * same transaction, so that nobody sees a conversation that its rules have not seen.
 * @param version of the rules, as `ruleVersion` has said it in this transaction
 * @returns what was touched: conversations and contacts, and the rules by which
 */
export async function routeOccasions(tx: Tx, records: Records, version: string): Promise<Touched[]> {
  const { id: channelId, businessUnitId } = records.channel
  return routeAll(tx, askedOf(records), { channelId, businessUnitId }, version)
}

/** The same of what happened in one place; the conversations are locked. */
export async function routeAll(tx: Tx, all: readonly Asked[], place: Place, version: string): Promise<Touched[]> {
  const set = await ruleSet(tx, version)
  const conversation = { ...place }
  const asked = all.filter(({ event }) => set.rules.some((rule) => isAsked(rule, event, { conversation })))
  if (asked.length === 0) return []
  const counts = isCounting(set.rules)
  const known = await knownOf(tx, set, asked, place.channelId)
  let wanted = { teams: new Set<string>(), members: new Set<string>() }
  // Whose turn is asked for shows when the rules are asked: once without, and again with those turns locked.
  for (;;) {
    const roster = await rosterOf(tx, wanted, counts, new Date())
    const decisions = decideAll(set, asked, structuredClone(known), roster, conversation)
    if (roster.isComplete) {
      await turnsWrite(tx, roster.turns)
      return writeAll(tx, decisions)
    }
    const { teams, members } = roster.missing
    wanted = { teams: new Set([...wanted.teams, ...teams]), members: new Set([...wanted.members, ...members]) }
  }
}

function askedOf(records: Records): Asked[] {
  const { conversations, consents } = records
  const happened = conversations.flatMap(({ id, contactId, occasions }) =>
    occasions.map((one): Asked => ({ ...one, contactId, conversationId: id, consent: null })),
  )
  const said = consents.map(({ contactId, category, state }): Asked => {
    const contact = contactOf(records, contactId)
    const own = conversations.find((one) => contactOf(records, one.contactId) === contact)
    const consent = { category, state }
    return { event: 'consent_changed', contactId, conversationId: own?.id ?? null, messageId: null, consent }
  })
  return [...happened, ...said]
}

async function knownOf(tx: Tx, set: RuleSet, asked: readonly Asked[], channelId: string | null): Promise<Known> {
  const ids = (of: (one: Asked) => string | null): string[] => [...new Set(asked.flatMap((one) => of(one) ?? []))]
  // A contact that rules may change is locked before anybody's turn is: whoever has a turn waits for nobody.
  const changes = set.rules.some(({ actions }) => actions.some((one) => 'setFollowUpStatus' in one))
  const [conversations, contacts, messages, channels] = await Promise.all([
    clearById(
      tx,
      set,
      'conversation',
      ids(({ conversationId }) => conversationId),
    ),
    clearById(
      tx,
      set,
      'contact',
      ids(({ contactId }) => contactId),
      changes,
    ),
    clearById(
      tx,
      set,
      'message',
      ids(({ messageId }) => messageId),
    ),
    clearById(tx, set, 'channel', channelId === null ? [] : [channelId]),
  ])
  return {
    conversations,
    contacts,
    messages,
    channel: (channelId === null ? undefined : channels.get(channelId)) ?? {},
  }
}

/** What is to become of a conversation and its contact. */
interface Decided extends Decision {
  conversationId: string | null
  contactId: string
}

function decideAll(
  { rules, fields }: RuleSet,
  asked: readonly Asked[],
  known: Known,
  roster: Roster,
  place: JsonRow,
): Decided[] {
  const all = new Map<string, Decided>()
  for (const { event, contactId, conversationId, messageId, consent } of asked) {
    const key = conversationId ?? contactId
    const decided = all.get(key) ?? { ...nothing(), conversationId, contactId }
    all.set(key, decided)
    const facts = {
      conversation: known.conversations.get(key) ?? { ...place, contactId },
      contact: known.contacts.get(contactId) ?? null,
      channel: known.channel,
      message: messageId === null ? null : (known.messages.get(messageId) ?? null),
      consent,
    }
    decide(rules, fields, event, facts, roster, decided)
  }
  return [...all.values()]
}

async function writeAll(tx: Tx, decisions: readonly Decided[]): Promise<Touched[]> {
  const ruleIds = [...new Set(decisions.flatMap((one) => one.ruleIds))]
  if (ruleIds.length === 0) return []
  const routed = decisions.flatMap(({ conversationId, conversation: set }) =>
    conversationId !== null && Object.keys(set).length > 0 ? [{ id: conversationId, set }] : [],
  )
  // Of two conversations of one contact, the later one has the last word.
  const followed = new Map(
    decisions.flatMap(({ contactId, contact }) =>
      typeof contact.followUpStatus === 'string' ? [[contactId, contact.followUpStatus] as const] : [],
    ),
  )
  const tags = routed.flatMap(({ set }) => (Array.isArray(set.tags) ? set.tags : []))
  const [conversations, contacts] = await Promise.all([
    routed.length > 0 ? conversationRouteAll(tx, routed) : [],
    followed.size > 0 ? contactFollowAll(tx, followed) : [],
    catalogueTags(tx, { tags: [...new Set(tags)] }),
  ])
  const people = new Map(conversations.map((one) => [one.id, one.contactId]))
  const subjectOf = (id: string): string | undefined => people.get(id)
  const own = (id: string): string => id
  const names = [...new Set(routed.flatMap(({ set }) => Object.keys(set)))]
  return [
    ...touches(
      'conversations',
      conversations,
      names,
      subjectOf,
      recordChanges(conversationResource, conversations, subjectOf),
    ),
    ...touches('contacts', contacts, ['followUpStatus'], own, recordChanges(contactResource, contacts, own)),
    { resource: 'routing-rules', ids: ruleIds, changed: [] },
  ]
}
