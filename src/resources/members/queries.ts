import { randomUUIDv7 } from 'node:crypto'
import type { JsonRow, Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { newSecret } from '../../http/tokens.ts'
import type { Keyring } from '../../privacy/keyring.ts'
import { mayGive } from '../roles/giving.ts'
import { members } from './schema.ts'

const invitationDays = 7

/** The keyed hash under which the directory knows a login address. */
export const addressHash = (keyring: Keyring, email: string): Buffer =>
  keyring.hash('login', email.trim().toLowerCase())

/** Every id in the lists must name a record of this tenant. */
export async function checkReferences(tx: Tx, body: Readonly<Record<string, unknown>>): Promise<void> {
  const tables = { roleIds: sql`app.role`, teamIds: sql`app.team`, businessUnitIds: sql`app.business_unit` }
  await Promise.all(
    Object.entries(tables).map(async ([name, table]) => {
      const ids = body[name]
      if (!Array.isArray(ids) || ids.length === 0) return
      const [row] = await tx.query<{ n: number }>(
        sql`SELECT count(*)::int AS n FROM ${table} WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ANY (${array(ids, 'uuid')}) AND state = 'active'`,
      )
      if (row?.n !== ids.length)
        throw new Problem('unprocessable', {
          errors: [{ path: `/${name}`, code: 'unknown_reference', message: 'One of these does not exist.' }],
        })
    }),
  )
}

/**
 * A link to an account is worth all its rights: whoever makes one must be able to give each of its roles, and could put
 * it into its teams or is in them. That is how a manager helps another manager, and never becomes an owner.
 */
export async function mayInvite(tx: Tx, row: JsonRow): Promise<boolean> {
  const { ability, me, units } = tx.principal
  const among = (theirs: unknown, mine: readonly unknown[]): boolean =>
    Array.isArray(theirs) && theirs.every((id) => mine.includes(id))
  return (
    (ability.can('update', members, row, 'teamIds') || among(row.teamIds, me.teamIds)) &&
    (units === '*' || among(row.businessUnitIds, units)) &&
    mayGive(tx, row.roleIds)
  )
}

/**
 * A tenant that nobody can administer is lost: the last active owner stays. Asked one after the other, or two owners who
 * remove each other would each find the other still there.
 */
export async function keepOneOwner(tx: Tx, memberId: string): Promise<void> {
  await tx.query(sql`SELECT FROM app.tenant WHERE tenant_id = ${tx.principal.tenantId}::uuid FOR NO KEY UPDATE`)
  const [row] = await tx.query<{ others: number; self: boolean }>(sql`
    SELECT count(*) FILTER (WHERE m.id <> ${memberId}::uuid AND m.status = 'active' AND m.state = 'active')::int AS others,
           coalesce(bool_or(m.id = ${memberId}::uuid), false) AS self
      FROM app.member m JOIN app.role r ON r.tenant_id = m.tenant_id AND r.id = ANY (m.role_ids) AND r.built_in = 'owner'
     WHERE m.tenant_id = ${tx.principal.tenantId}::uuid`)
  if (row?.self && row.others === 0) throw new Problem('last_owner')
}

/** Ends every session of a member. */
export async function endSessions(
  tx: Tx,
  memberId: string,
  reason: string,
  except: string | null = null,
): Promise<void> {
  await tx.query(sql`UPDATE app.session SET ended_at = now(), ended_reason = ${reason}
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND member_id = ${memberId}::uuid AND ended_at IS NULL AND id IS DISTINCT FROM ${except}::uuid`)
}

/** A one-time link by which a member sets a password; older links stop working. */
export async function invite(tx: Tx, memberId: string): Promise<{ token: string; expiresAt: string }> {
  const id = randomUUIDv7()
  const { token, hash } = newSecret('cin', tx.principal.tenantId, id)
  const expiresAt = new Date(Date.now() + invitationDays * 86_400_000).toISOString()
  await tx.query(
    sql`UPDATE app.invitation SET used_at = now() WHERE tenant_id = ${tx.principal.tenantId}::uuid AND member_id = ${memberId}::uuid AND used_at IS NULL`,
  )
  await tx.query(sql`INSERT INTO app.invitation (tenant_id, id, member_id, secret_hash, expires_at)
    VALUES (${tx.principal.tenantId}::uuid, ${id}::uuid, ${memberId}::uuid, ${hash}, ${expiresAt}::timestamptz)`)
  return { token, expiresAt }
}
