import { randomUUIDv7 } from 'node:crypto'
import type { Meta } from '../../db/audit-event.ts'
import type { Caller, Database, JsonRow, Tx } from '../../db/database.ts'
import { lockRow } from '../../db/row-changes.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { accessTokenSeconds, newSecret } from '../../http/tokens.ts'
import { hashPassword, passwordMatches } from '../members/password.ts'
import { addressHash, endSessions } from '../members/queries.ts'
import { members } from '../members/schema.ts'

const sessionDays = 30

export interface Candidate {
  tenantId: string
  tenantName: string
  region: string
  memberId: string
}

export interface SessionMember {
  id: string
  email: string
  displayName: string
  tenantId: string
}

export interface Opened {
  sessionId: string
  refreshToken: string
  member: SessionMember
}

/** A member before there is a session: what it does now is on record under its name. */
const asMember = (
  db: Database,
  tenant: { tenantId: string; region: string },
  memberId: string,
  meta: Meta,
): Caller => ({
  principal: { ...db.own('system', tenant), kind: 'member', id: memberId },
  meta,
})

/** The active members with this address and password; failures of known accounts are audited in their tenants. */
export async function candidates(
  db: Database,
  email: string,
  password: string,
  tenant: string | undefined,
  meta: Meta,
): Promise<Candidate[]> {
  const rows = await db.directory<{ tenant_id: string; member_id: string; region: string }>(
    sql`directory.logins(${addressHash(db.keyring, email)})`,
  )
  const asked = tenant === undefined ? rows : rows.filter((row) => row.tenant_id === tenant)
  if (asked.length === 0) {
    await passwordMatches(password, null)
    return []
  }
  const found: Candidate[] = []
  for (const { tenant_id: tenantId, member_id: memberId, region } of asked) {
    const [row] = await db.lookup<{ password_hash: string | null; name: string }>(
      { tenantId, region },
      sql`SELECT m.password_hash, t.name FROM app.member m JOIN app.tenant t USING (tenant_id)
          WHERE m.tenant_id = ${tenantId}::uuid AND m.id = ${memberId}::uuid AND m.status = 'active' AND m.state = 'active'`,
    )
    if (await passwordMatches(password, row?.password_hash ?? null))
      found.push({ tenantId, tenantName: row?.name ?? '', region, memberId })
    else
      await db.denied(
        { principal: db.own('anonymous', { tenantId, region }), meta },
        { action: 'create', resource: 'sessions' },
        'invalid_credentials',
        [memberId],
      )
  }
  return found
}

/** Opens a session for a member whose password has been checked. */
export async function sessionOpen(
  db: Database,
  { tenantId, region, memberId }: Candidate,
  meta: Meta,
): Promise<Opened> {
  return db.change(
    asMember(db, { tenantId, region }, memberId, meta),
    { action: 'create', resource: 'sessions' },
    (tx) => openIn(tx, memberId),
  )
}

async function openIn(tx: Tx, memberId: string): Promise<Opened> {
  const sessionId = randomUUIDv7()
  const { tenantId } = tx.principal
  const [row] = await tx.query<{ email: string; display_name: string }>(sql`UPDATE app.member SET last_login_at = now()
    WHERE tenant_id = ${tenantId}::uuid AND id = ${memberId}::uuid AND status = 'active' AND state = 'active' RETURNING email, display_name`)
  if (!row) throw new Problem('invalid_credentials')
  await tx.query(
    sql`INSERT INTO app.session (tenant_id, id, member_id, expires_at) VALUES (${tenantId}::uuid, ${sessionId}::uuid, ${memberId}::uuid, now() + make_interval(days => ${sessionDays}))`,
  )
  const refreshToken = await refreshTokenAdd(tx, sessionId)
  tx.touch({ resource: 'sessions', ids: [sessionId] })
  return {
    sessionId,
    refreshToken,
    member: { id: memberId, email: row.email, displayName: row.display_name, tenantId },
  }
}

async function refreshTokenAdd(tx: Tx, sessionId: string): Promise<string> {
  const { token, hash } = newSecret('crt', tx.principal.tenantId, sessionId)
  await tx.query(
    sql`INSERT INTO app.refresh_token (tenant_id, token_hash, session_id) VALUES (${tx.principal.tenantId}::uuid, ${hash}, ${sessionId}::uuid)`,
  )
  return token
}

/**
 * Exchanges a refresh token for the next. An old one that comes again was stolen, by the first user of it or by the
 * second: the session ends for both (RFC 9700 §4.14.2). Null for anything that is no good.
 */
export async function sessionRefresh(
  db: Database,
  secret: { tenantId: string; id: string; hash: Buffer },
  meta: Meta,
): Promise<Opened | null> {
  const tenant = { tenantId: secret.tenantId, region: 'default' }
  const [known] = await db.lookup<{ member_id: string; email: string; display_name: string }>(
    tenant,
    sql`SELECT s.member_id, m.email, m.display_name FROM app.refresh_token r
        JOIN app.session s ON s.tenant_id = r.tenant_id AND s.id = r.session_id JOIN app.member m ON m.tenant_id = s.tenant_id AND m.id = s.member_id
        WHERE r.tenant_id = ${secret.tenantId}::uuid AND r.token_hash = ${secret.hash} AND r.session_id = ${secret.id}::uuid
          AND s.ended_at IS NULL AND s.expires_at > now() AND m.status = 'active' AND m.state = 'active'`,
  )
  if (!known) return null
  const caller = asMember(db, tenant, known.member_id, meta)
  const entry = { action: 'update', resource: 'sessions' } as const
  const opened = await db.change(caller, entry, async (tx) => {
    const fresh = await tx.query(
      sql`UPDATE app.refresh_token SET used_at = now() WHERE tenant_id = ${secret.tenantId}::uuid AND token_hash = ${secret.hash} AND used_at IS NULL RETURNING session_id`,
    )
    if (fresh.length === 0) {
      await tx.query(
        sql`UPDATE app.session SET ended_at = now(), ended_reason = 'refresh token reused' WHERE tenant_id = ${secret.tenantId}::uuid AND id = ${secret.id}::uuid AND ended_at IS NULL`,
      )
      tx.touch({ resource: 'sessions', ids: [secret.id], changed: ['endedAt'] })
      return null
    }
    tx.touch({ resource: 'sessions', ids: [secret.id], changed: ['refreshToken'] })
    const refreshToken = await refreshTokenAdd(tx, secret.id)
    return {
      sessionId: secret.id,
      refreshToken,
      member: { id: known.member_id, email: known.email, displayName: known.display_name, tenantId: secret.tenantId },
    }
  })
  // The session has ended, which stays; what was asked for was refused all the same.
  if (!opened) await db.denied(caller, entry, 'unauthenticated', [secret.id])
  return opened
}

/** Ends the caller's own session. */
export async function sessionEnd(db: Database, caller: Caller): Promise<void> {
  const { credential } = caller.principal
  if (!credential || credential.kind === 'apiKey')
    throw new Problem('unprocessable', { detail: 'An API key has no session.' })
  await db.change(caller, { action: 'delete', resource: 'sessions' }, async (tx) => {
    tx.touch({ resource: 'sessions', ids: [credential.sessionId] })
    await tx.query(
      sql`UPDATE app.session SET ended_at = now(), ended_reason = 'logged out' WHERE tenant_id = ${credential.tenantId}::uuid AND id = ${credential.sessionId}::uuid`,
    )
  })
}

/** For whom an API key acts, as far as the key sees that member. */
export type ActedFor = Pick<SessionMember, 'id' | 'tenantId'> & JsonRow

/** A session in which an API key acts for a member; as short as one access token. */
export async function exchange(
  db: Database,
  caller: Caller,
  memberId: string,
): Promise<{ sessionId: string; apiKeyId: string; member: ActedFor }> {
  const { credential } = caller.principal
  if (credential?.kind !== 'apiKey') throw new Problem('forbidden', { detail: 'Only an API key can act for a member.' })
  const sessionId = randomUUIDv7()
  const member = await db.change(caller, { action: 'impersonate', resource: 'members' }, async (tx) => {
    const { clear, view, seen } = await lockRow(tx, members, memberId, 'impersonate')
    if (clear.status !== 'active') throw new Problem('unprocessable', { detail: 'The member is not active.' })
    const answered = ['id', 'email', 'displayName']
    const among = (names: readonly string[]): string[] => names.filter((name) => answered.includes(name))
    tx.touch({ resource: 'members', ids: [memberId], shown: among(seen.shown), masked: among(seen.masked) })
    await tx.query(sql`INSERT INTO app.session (tenant_id, id, member_id, api_key_id, expires_at)
      VALUES (${credential.tenantId}::uuid, ${sessionId}::uuid, ${memberId}::uuid, ${credential.apiKeyId}::uuid, now() + make_interval(secs => ${accessTokenSeconds}))`)
    const shown = Object.fromEntries(Object.entries(view).filter(([name]) => answered.includes(name)))
    return { ...shown, id: memberId, tenantId: credential.tenantId }
  })
  return { sessionId, apiKeyId: credential.apiKeyId, member }
}

/** Uses a one-time link: sets the password, makes the member active, ends its sessions, opens a new one. */
export async function invitationAccept(
  db: Database,
  secret: { tenantId: string; id: string; hash: Buffer },
  passwordHash: string,
  meta: Meta,
): Promise<Opened | null> {
  const tenant = { tenantId: secret.tenantId, region: 'default' }
  const [known] = await db.lookup<{ member_id: string }>(
    tenant,
    sql`SELECT member_id FROM app.invitation WHERE tenant_id = ${secret.tenantId}::uuid AND id = ${secret.id}::uuid AND secret_hash = ${secret.hash}`,
  )
  if (!known) return null
  return db.change(
    asMember(db, tenant, known.member_id, meta),
    { action: 'create', resource: 'sessions' },
    async (tx) => {
      const used = await tx.query(
        sql`UPDATE app.invitation SET used_at = now() WHERE tenant_id = ${secret.tenantId}::uuid AND id = ${secret.id}::uuid AND used_at IS NULL AND expires_at > now() RETURNING id`,
      )
      const set =
        await tx.query(sql`UPDATE app.member SET password_hash = ${passwordHash}, status = 'active', access_version = access_version + 1, version = version + 1, updated_at = now()
      WHERE tenant_id = ${secret.tenantId}::uuid AND id = ${known.member_id}::uuid AND status IN ('invited', 'active') AND state = 'active' AND ${used.length === 1} RETURNING id`)
      if (set.length === 0) throw new Problem('unauthenticated')
      tx.touch({ resource: 'members', ids: [known.member_id], changed: ['password', 'status'] })
      await endSessions(tx, known.member_id, 'password set')
      return openIn(tx, known.member_id)
    },
  )
}

/** Changes the caller's own password and ends its other sessions; false when the current one is wrong. */
export async function passwordChange(tx: Tx, current: string, next: string): Promise<boolean> {
  const { credential, tenantId } = tx.principal
  if (credential?.kind !== 'member')
    throw new Problem('forbidden', { detail: 'Only a member with a session of its own changes its password.' })
  const mine = sql`tenant_id = ${tenantId}::uuid AND id = ${credential.memberId}::uuid`
  const [row] = await tx.query<{ password_hash: string | null }>(
    sql`SELECT password_hash FROM app.member WHERE ${mine}`,
  )
  if (!(await passwordMatches(current, row?.password_hash ?? null))) return false
  const hash = await hashPassword(next)
  tx.touch({ resource: 'members', ids: [credential.memberId], changed: ['password'] })
  await tx.query(
    sql`UPDATE app.member SET password_hash = ${hash}, version = version + 1, updated_at = now() WHERE ${mine}`,
  )
  await endSessions(tx, credential.memberId, 'password changed', credential.sessionId)
  return true
}
