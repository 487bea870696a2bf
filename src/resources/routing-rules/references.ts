import type { Tx } from '../../db/database.ts'
import { ruled, unknownReference } from '../../db/reference.ts'
import { array, sql } from '../../db/sql.ts'
import type { Fault } from '../../errors.ts'
import { canTake, isTeam } from '../members/assignment.ts'
import type { Assignment, RoutingAction } from './actions.ts'

/** What of a rule names other records. */
export interface Naming {
  channelIds: readonly string[]
  actions: readonly RoutingAction[]
}

/** Of the records that a rule names, those which it may: channels of its business unit, teams, members who see the unit. */
export interface Nameable {
  channels: ReadonlySet<string>
  teams: ReadonlySet<string>
  members: ReadonlySet<string>
}

/**
 * Whether what a rule names is there and fits.
 * @throws Problem unprocessable, with each place
 */
export async function checkReferences(tx: Tx, unitId: string, rule: Naming): Promise<void> {
  const assigned = rule.actions.flatMap((action) => ('assign' in action ? [action.assign] : []))
  const teamIds = [
    ...rule.actions.flatMap((action) => ('assignTeam' in action ? [action.assignTeam] : [])),
    ...assigned.flatMap(({ teamId }) => teamId ?? []),
  ]
  const [channels, teams, members] = await Promise.all([
    channelsAmong(tx, unitId, rule.channelIds),
    those(teamIds, (id) => isTeam(tx, id)),
    those(
      assigned.flatMap(({ memberId }) => memberId ?? []),
      (id) => canTake(tx, id, unitId),
    ),
  ])
  const faults = referenceFaults(rule, { channels, teams, members })
  if (faults.length > 0) throw ruled(...faults)
}

/** @param path of the rule in the body */
export function referenceFaults({ channelIds, actions }: Naming, known: Nameable, path = ''): Fault[] {
  return [
    ...channelIds.flatMap((id, i) => (known.channels.has(id) ? [] : [unknownReference(`${path}/channelIds/${i}`)])),
    ...actions.flatMap((action, i): Fault[] => {
      const here = `${path}/actions/${i}`
      if ('assignTeam' in action)
        return known.teams.has(action.assignTeam) ? [] : [unknownReference(`${here}/assignTeam`)]
      return 'assign' in action ? assignmentFaults(action.assign, known, `${here}/assign`) : []
    }),
  ]
}

function assignmentFaults({ strategy, memberId, teamId }: Assignment, known: Nameable, path: string): Fault[] {
  if (strategy === 'member' && memberId === undefined)
    return [{ path: `${path}/memberId`, code: 'required', message: 'This strategy needs the member.' }]
  if (strategy !== 'member' && memberId !== undefined)
    return [{ path: `${path}/memberId`, code: 'not_applicable', message: 'Only the strategy "member" names one.' }]
  return [
    ...(teamId === undefined || known.teams.has(teamId) ? [] : [unknownReference(`${path}/teamId`)]),
    ...(memberId === undefined || known.members.has(memberId) ? [] : [unknownReference(`${path}/memberId`)]),
  ]
}

async function channelsAmong(tx: Tx, unitId: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const found = await tx.query<{ id: string }>(
    sql`SELECT id FROM app.channel WHERE tenant_id = ${tx.principal.tenantId}::uuid AND business_unit_id = ${unitId}::uuid AND state = 'active' AND id = ANY (${array(ids, 'uuid')})`,
  )
  return new Set(found.map(({ id }) => id))
}

/** Those of the ids that are such. */
async function those(ids: readonly string[], is: (id: string) => Promise<boolean>): Promise<ReadonlySet<string>> {
  const each = await Promise.all([...new Set(ids)].map(async (id) => ((await is(id)) ? [id] : [])))
  return new Set(each.flat())
}
