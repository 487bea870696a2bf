import type { Tx } from '../../db/database.ts'
import { ruled, unknownReference } from '../../db/reference.ts'
import { array, sql } from '../../db/sql.ts'
import type { Fault } from '../../errors.ts'
import { canTake, isTeam } from '../members/assignment.ts'
import { type Assignment, actionsSchema, type RoutingAction } from './actions.ts'

/**
 * Whether what a rule names is there and fits: channels of its business unit, teams, members who see the unit.
 * @throws Problem unprocessable, with each place
 */
export async function checkReferences(
  tx: Tx,
  unitId: string,
  rule: { channelIds?: unknown; actions?: unknown },
): Promise<void> {
  const [channels, actions] = await Promise.all([
    channelFaults(tx, unitId, Array.isArray(rule.channelIds) ? rule.channelIds.map(String) : []),
    rule.actions === undefined ? [] : actionFaults(tx, unitId, actionsSchema.parse(rule.actions)),
  ])
  const faults = [...channels, ...actions]
  if (faults.length > 0) throw ruled(...faults)
}

async function channelFaults(tx: Tx, unitId: string, ids: readonly string[]): Promise<Fault[]> {
  if (ids.length === 0) return []
  const found = await tx.query<{ id: string }>(
    sql`SELECT id FROM app.channel WHERE tenant_id = ${tx.principal.tenantId}::uuid AND business_unit_id = ${unitId}::uuid AND state = 'active' AND id = ANY (${array(ids, 'uuid')})`,
  )
  return ids.flatMap((id, i) => (found.some((one) => one.id === id) ? [] : [unknownReference(`/channelIds/${i}`)]))
}

async function actionFaults(tx: Tx, unitId: string, actions: readonly RoutingAction[]): Promise<Fault[]> {
  const all = await Promise.all(
    actions.map(async (action, i): Promise<Fault[]> => {
      if ('assignTeam' in action)
        return (await isTeam(tx, action.assignTeam)) ? [] : [unknownReference(`/actions/${i}/assignTeam`)]
      return 'assign' in action ? assignmentFaults(tx, unitId, action.assign, `/actions/${i}/assign`) : []
    }),
  )
  return all.flat()
}

async function assignmentFaults(tx: Tx, unitId: string, wanted: Assignment, path: string): Promise<Fault[]> {
  const { strategy, memberId, teamId } = wanted
  if (strategy === 'member' && memberId === undefined)
    return [{ path: `${path}/memberId`, code: 'required', message: 'This strategy needs the member.' }]
  if (strategy !== 'member' && memberId !== undefined)
    return [{ path: `${path}/memberId`, code: 'not_applicable', message: 'Only the strategy "member" names one.' }]
  const [team, member] = await Promise.all([
    teamId === undefined || isTeam(tx, teamId),
    memberId === undefined || canTake(tx, memberId, unitId),
  ])
  return [
    ...(team ? [] : [unknownReference(`${path}/teamId`)]),
    ...(member ? [] : [unknownReference(`${path}/memberId`)]),
  ]
}
