import { type Condition, holds } from '../../access/condition.ts'
import type { JsonRow } from '../../db/database.ts'
import type { Assignment, RoutingAction } from './actions.ts'
import type { RuleFields } from './fields.ts'
import type { RoutingEvent } from './occasion.ts'
import { type Roster, take } from './roster.ts'

/** A rule as it is asked: its condition read, or null for always. */
export interface Rule {
  id: string
  businessUnitId: string
  channelIds: readonly string[]
  event: RoutingEvent
  when: Condition | null
  actions: readonly RoutingAction[]
  continues: boolean
}

/** What rules see of one occasion, in clear, by public names; null where there is none. */
export interface Facts {
  conversation: JsonRow
  contact: JsonRow | null
  channel: JsonRow
  message: JsonRow | null
  consent: JsonRow | null
}

/** What rules led to: of the conversation and the contact, the fields that are to be set. */
export interface Decision {
  ruleIds: string[]
  conversation: JsonRow
  contact: JsonRow
}

export const nothing = (): Decision => ({ ruleIds: [], conversation: {}, contact: {} })

/**
 * Asks the rules about one occasion, in their order: the first one that holds is done, and those behind it where it says
 * so. What a rule changes the next one sees; nothing that a rule does is an occasion itself, so they come to an end.
 * @param decision what was decided before, and what is now added; the facts change with it
 */
export function decide(
  rules: readonly Rule[],
  fields: RuleFields,
  event: RoutingEvent,
  facts: Facts,
  roster: Roster,
  decision: Decision,
): void {
  for (const rule of rules) {
    if (!isAsked(rule, event, facts)) continue
    if (rule.when !== null && !holds(rule.when, fields, rowOf(facts))) continue
    decision.ruleIds.push(rule.id)
    for (const action of rule.actions) act(action, facts, roster, decision)
    if (!rule.continues) return
  }
}

/** Whether a rule is about this event in this place. */
export const isAsked = (rule: Rule, event: RoutingEvent, { conversation }: Pick<Facts, 'conversation'>): boolean =>
  rule.event === event &&
  rule.businessUnitId === conversation.businessUnitId &&
  (rule.channelIds.length === 0 || rule.channelIds.some((id) => id === conversation.channelId))

/** The facts as one row, under the names that conditions use. */
function rowOf(facts: Facts): JsonRow {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([subject, row]: [string, JsonRow | null]) =>
      Object.entries(row ?? {}).map(([name, value]) => [`${subject}.${name}`, value]),
    ),
  )
}

function act(action: RoutingAction, facts: Facts, roster: Roster, decision: Decision): void {
  const set = (name: string, value: unknown): void => {
    facts.conversation[name] = value
    decision.conversation[name] = value
  }
  if ('assignTeam' in action) {
    if (roster.hasTeam(action.assignTeam)) set('teamId', action.assignTeam)
  } else if ('assign' in action) assign(action.assign, facts, roster, set)
  else if ('setStatus' in action) set('status', action.setStatus)
  else if ('setPriority' in action) set('priority', action.setPriority)
  else if ('addTag' in action) {
    const tags = Array.isArray(facts.conversation.tags) ? facts.conversation.tags : []
    if (!tags.includes(action.addTag) && tags.length < tagsMax) set('tags', [...tags, action.addTag])
  } else if ('setPurpose' in action) {
    if ((facts.conversation.purpose ?? null) === null) set('purpose', action.setPurpose)
  } else if (facts.contact) {
    facts.contact.followUpStatus = action.setFollowUpStatus
    decision.contact.followUpStatus = action.setFollowUpStatus
  }
}

/** As many as a conversation carries at most. */
const tagsMax = 50

function assign(
  wanted: Assignment,
  { conversation, contact }: Facts,
  roster: Roster,
  set: (name: string, value: unknown) => void,
): void {
  const holder = conversation.assigneeId ?? null
  if (holder !== null && wanted.reassign !== true) return
  const own = typeof conversation.teamId === 'string' ? conversation.teamId : null
  const teamId = wanted.teamId ?? (wanted.strategy === 'member' ? null : own)
  if (teamId !== null) {
    if (!roster.hasTeam(teamId)) return
    if (teamId !== own) set('teamId', teamId)
  }
  const language = typeof contact?.language === 'string' ? contact.language : null
  const memberId = take(roster, wanted, teamId, { unitId: String(conversation.businessUnitId), language })
  // Whoever had it until now and is not the one keeps it no longer: it is the team's.
  if (memberId !== null || holder !== null) set('assigneeId', memberId)
}
