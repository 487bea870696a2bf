import type { Grant } from '../../access/grant.ts'
import { missingRights } from '../../access/holds-grants.ts'
import type { Principal } from '../../access/principal.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { type Fault, Problem } from '../../errors.ts'

// Nobody gives what they do not have: by writing it into a role, by giving a role, or by bringing either back.

/**
 * Refuses grants with more in them than the rights of whoever writes them.
 * @throws Problem forbidden, naming each place in `grants`
 */
export function checkWritten(principal: Principal, grants: readonly Grant[]): void {
  const missing = missingRights(principal, grants)
  if (missing.length > 0)
    throw new Problem('forbidden', {
      errors: missing.slice(0, 50).map(({ path, message }) => notHeld(`/grants${path}`, message)),
    })
}

/**
 * Refuses to open to others, by `path` of a request, what whoever does it does not have.
 * @throws Problem forbidden
 */
export function checkHeld(principal: Principal, grants: readonly Grant[], path: string): void {
  const [missing] = missingRights(principal, grants)
  if (missing) throw new Problem('forbidden', { errors: [notHeld(path, missing.message)] })
}

/**
 * Refuses to give roles that hold more than whoever gives them; nothing of what is in them is told.
 * @param had what the receiver has already: it is not given again
 * @throws Problem forbidden, naming each role by its place in `roleIds`
 */
export async function checkGiven(tx: Tx, roleIds: unknown, had: unknown = []): Promise<void> {
  const before = idsOf(had)
  const ids = idsOf(roleIds)
  const beyond = await beyondMine(
    tx,
    ids.filter((id) => !before.includes(id)),
  )
  if (beyond.size > 0)
    throw new Problem('forbidden', {
      errors: ids.flatMap((id, i) =>
        beyond.has(id) ? [notHeld(`/roleIds/${i}`, 'The role gives more than you have.')] : [],
      ),
    })
}

/**
 * Refuses to let somebody in again who has more than whoever does it: then all of it is given anew.
 * @throws Problem forbidden
 */
export async function checkLetIn(tx: Tx, row: JsonRow): Promise<void> {
  const { units } = tx.principal
  await checkGiven(tx, row.roleIds)
  if (units !== '*' && idsOf(row.businessUnitIds).some((id) => !units.includes(id)))
    throw new Problem('forbidden', { errors: [notHeld('/businessUnitIds', 'These are more than you see.')] })
}

/** Whether whoever asks could give each of these roles. */
export async function mayGive(tx: Tx, roleIds: unknown): Promise<boolean> {
  return (await beyondMine(tx, idsOf(roleIds))).size === 0
}

/** The business units of a new principal: those that are named, else the tenant's own one where the giver sees it. */
export function unitsGiven({ units, defaultUnit }: Principal, named: unknown): readonly string[] {
  if (Array.isArray(named)) return idsOf(named)
  const own = defaultUnit === null ? [] : [defaultUnit]
  return units === '*' || own.every((id) => units.includes(id)) ? own : units
}

/**
 * Refuses to open business units that whoever gives them does not see, in the words for those that do not exist.
 * @throws Problem unprocessable
 */
export function checkUnitsGiven({ units }: Principal, given: unknown, had: unknown = []): void {
  if (units === '*') return
  const before = idsOf(had)
  const foreign = idsOf(given).some((id) => !before.includes(id) && !units.includes(id))
  if (foreign)
    throw new Problem('unprocessable', {
      errors: [{ path: '/businessUnitIds', code: 'unknown_reference', message: 'One of these does not exist.' }],
    })
}

/**
 * Refuses to put a key into teams that whoever does it is not in: `$me` in its roles would mean their rows. Whoever may
 * put anybody into teams could join them first.
 * @param had the teams that it is in already
 * @throws Problem forbidden
 */
export function checkTeamsGiven({ ability, me }: Principal, given: unknown, had: unknown = []): void {
  const mine = [...me.teamIds, ...idsOf(had)]
  if (idsOf(given).every((id) => mine.includes(id))) return
  const mayJoinAny = ability
    .rules('update', 'members')
    .every((rules) =>
      rules.some(({ fields, when }) => when === null && (fields.includes('*') || fields.includes('teamIds'))),
    )
  if (!mayJoinAny) throw new Problem('forbidden', { errors: [notHeld('/teamIds', 'You are not in all of these.')] })
}

/** Of these roles, those that hold more than whoever asks. */
async function beyondMine(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { principal } = tx
  if (ids.length === 0) return new Set()
  const rows = await tx.query<{ id: string; grants: Grant[]; all: boolean }>(
    sql`SELECT id, grants, sees_all_business_units AS all FROM app.role
        WHERE tenant_id = ${principal.tenantId}::uuid AND id = ANY (${array(ids, 'uuid')}) AND state = 'active'`,
  )
  const beyond = rows.filter(
    ({ grants, all }) => (all && principal.units !== '*') || missingRights(principal, grants).length > 0,
  )
  return new Set(beyond.map(({ id }) => id))
}

const notHeld = (path: string, message: string): Fault => ({ path, code: 'not_held', message })

const idsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((id): id is string => typeof id === 'string') : []
