import { isOnDuty, type WorkingHours } from '../members/working-hours.ts'
import type { Assignment } from './actions.ts'

/** A member as far as work is given to them. */
export interface RosterMember {
  id: string
  teamIds: readonly string[]
  unitIds: readonly string[]
  seesAllUnits: boolean
  languages: readonly string[]
  workingHours: WorkingHours | null
  isAway: boolean
  /** how many conversations they have to answer; null: not counted */
  open: number | null
}

/** Whose turn it is in a team. */
export interface Turns {
  /** the number of the last turn */
  turn: number
  /** for each member, the turn in which they got something last */
  turns: Record<string, number>
  isChanged: boolean
}

/** Those whom work may be given to. What it is asked for and does not hold is noted, to be fetched under lock. */
export class Roster {
  readonly now: Date
  readonly #teams: ReadonlySet<string>
  readonly members: readonly RosterMember[]
  readonly turns: ReadonlyMap<string, Turns>
  /** teams whose turns are not known here, and members who are not */
  readonly missing = { teams: new Set<string>(), members: new Set<string>() }
  readonly #known: ReadonlySet<string>

  /**
   * @param teams the tenant's teams
   * @param turns of the teams whose turns this one holds
   * @param known the members who were asked for by name
   */
  constructor(
    teams: ReadonlySet<string>,
    members: readonly RosterMember[],
    turns: ReadonlyMap<string, Turns>,
    known: ReadonlySet<string>,
    now: Date,
  ) {
    this.#teams = teams
    this.members = members
    this.turns = turns
    this.#known = known
    this.now = now
  }

  hasTeam(id: string): boolean {
    return this.#teams.has(id)
  }

  turnsOf(teamId: string): Turns | null {
    const turns = this.turns.get(teamId) ?? null
    if (!turns) this.missing.teams.add(teamId)
    return turns
  }

  member(id: string): RosterMember | null {
    if (!this.#known.has(id)) this.missing.members.add(id)
    return this.members.find((one) => one.id === id) ?? null
  }

  get isComplete(): boolean {
    return this.missing.teams.size === 0 && this.missing.members.size === 0
  }
}

/**
 * Picks who gets a conversation, and notes that they did; null: nobody can take it.
 * By turns, whoever got something longest ago is next. So it is fair also where not everybody can take everything: who
 * was passed over for a language has the first claim to what they can take.
 * @param language the contact's; null: not known, and then everybody's will do
 */
export function take(
  roster: Roster,
  wanted: Assignment,
  teamId: string | null,
  { unitId, language }: { unitId: string; language: string | null },
): string | null {
  const can = (one: RosterMember): boolean =>
    !one.isAway &&
    (one.seesAllUnits || one.unitIds.includes(unitId)) &&
    (wanted.language !== true || language === null || speaks(one, language)) &&
    (wanted.workingHours !== true || one.workingHours === null || isOnDuty(one.workingHours, roster.now))
  if (wanted.strategy === 'member') {
    const one = wanted.memberId === undefined ? null : roster.member(wanted.memberId)
    return one && can(one) ? got(one) : null
  }
  const turns = teamId === null ? null : roster.turnsOf(teamId)
  if (teamId === null || turns === null) return null
  const last = ({ id }: RosterMember): number => turns.turns[id] ?? 0
  const [next] = roster.members
    .filter((one) => one.teamIds.includes(teamId) && can(one))
    .sort(
      (a, b) =>
        (wanted.strategy === 'least_open' ? (a.open ?? 0) - (b.open ?? 0) : 0) ||
        last(a) - last(b) ||
        (a.id < b.id ? -1 : 1),
    )
  if (!next) return null
  turns.turns[next.id] = ++turns.turn
  turns.isChanged = true
  return got(next)
}

function got(one: RosterMember): string {
  one.open = (one.open ?? 0) + 1
  return one.id
}

/** Languages are the same by their first part: whoever speaks "de" answers "de-AT". */
function speaks({ languages }: RosterMember, language: string): boolean {
  const main = (tag: string): string => tag.toLowerCase().split('-')[0] ?? ''
  return languages.some((one) => main(one) === main(language))
}
