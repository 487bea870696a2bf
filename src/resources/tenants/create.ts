import { randomUUIDv7 } from 'node:crypto'
import type { Principal } from '../../access/principal.ts'
import type { Caller, Database } from '../../db/database.ts'
import { json, sql } from '../../db/sql.ts'
import { hashPassword } from '../members/password.ts'
import { addressHash } from '../members/queries.ts'
import { builtInRoles } from '../roles/built-in.ts'

export interface NewTenant {
  name: string
  ownerEmail: string
  ownerPassword: string
  region?: string
  /** Only where there is no tenant at all yet. */
  onlyFirst?: boolean
}

/** One per tenant and database: statements are kept with their principal's ability. */
const systems = new WeakMap<Database, Map<string, Principal>>()

/**
 * The service itself, working for a tenant.
 * @param causeId what caused it: the record it is about, or the run of a recurring task; null: an operator's command or a start
 */
export function systemCaller(
  db: Database,
  { tenantId, region }: { tenantId: string; region: string },
  causeId: string | null,
): Caller {
  const known = systems.get(db) ?? new Map<string, Principal>()
  systems.set(db, known)
  const principal = known.get(tenantId) ?? db.own('system', { tenantId, region })
  known.set(tenantId, principal)
  return { principal, meta: { requestId: null, ip: null, purpose: null, causeId } }
}

/** There is a tenant already. */
export class NotFirst extends Error {}

const firstTenantLock = 7_238_114_003

/**
 * Makes a tenant with its key, its first business unit, the built-in roles and its owner; all or nothing.
 * @throws {NotFirst} with `onlyFirst`, where there is a tenant already
 */
export async function tenantCreate(
  db: Database,
  { name, ownerEmail, ownerPassword, region = 'default', onlyFirst = false }: NewTenant,
): Promise<{ tenantId: string; ownerId: string }> {
  const tenantId = randomUUIDv7()
  const [unitId, ownerId] = [randomUUIDv7(), randomUUIDv7()]
  const wrapped = db.keyring.newTenantKey(tenantId)
  const passwordHash = await hashPassword(ownerPassword)
  const roles = builtInRoles([...db.models.keys()]).map((role) => ({ ...role, id: randomUUIDv7() }))
  const tenant = { tenantId, region }
  await db.create(systemCaller(db, tenant, null), { action: 'create', resource: 'tenants' }, async (tx) => {
    if (onlyFirst) {
      // Several services may start on one empty database: the others wait here, and then see what the first has made.
      await tx.query(sql`SELECT pg_advisory_xact_lock(${firstTenantLock})`)
      if ((await tx.query(sql`SELECT FROM directory.tenants()`)).length > 0) throw new NotFirst()
    }
    await tx.query(sql`SELECT directory.register_tenant(${region})`)
    await tx.query(
      sql`INSERT INTO app.tenant (tenant_id, name, region, wrapped_key) VALUES (${tenantId}::uuid, ${name}, ${region}, ${wrapped})`,
    )
    await tx.query(
      sql`INSERT INTO app.business_unit (tenant_id, id, name, region, is_default) VALUES (${tenantId}::uuid, ${unitId}::uuid, ${name}, ${region}, true)`,
    )
    for (const role of roles)
      await tx.query(sql`INSERT INTO app.role (tenant_id, id, name, description, built_in, grants, sees_all_business_units)
        VALUES (${tenantId}::uuid, ${role.id}::uuid, ${role.name}, ${role.description}, ${role.name}, ${json(role.grants)}, ${role.seesAllBusinessUnits})`)
    const ownerRole = roles.find((role) => role.name === 'owner')
    await tx.query(sql`INSERT INTO app.member (tenant_id, id, email, display_name, status, password_hash, role_ids, business_unit_ids)
      VALUES (${tenantId}::uuid, ${ownerId}::uuid, ${ownerEmail}, 'Owner', 'active', ${passwordHash}, ARRAY[${ownerRole?.id}::uuid], ARRAY[${unitId}::uuid])`)
    await tx.query(sql`SELECT directory.register_login(${addressHash(db.keyring, ownerEmail)}, ${ownerId}::uuid)`)
    tx.touch({ resource: 'tenants', ids: [tenantId], changed: ['name'] })
    tx.touch({ resource: 'members', ids: [ownerId], changed: ['email', 'roleIds'] })
  })
  return { tenantId, ownerId }
}

/** Built-in roles follow the release: a tenant made by an older one gets the grants of this one. */
export async function syncBuiltInRoles(db: Database): Promise<void> {
  const wanted = builtInRoles([...db.models.keys()])
  for (const tenant of await db.tenants()) {
    const stored = await db.lookup<{ built_in: string; same: boolean }>(
      tenant,
      sql`SELECT r.built_in, r.grants = w.grants AND r.sees_all_business_units = w."seesAllBusinessUnits" AS same
          FROM app.role r JOIN jsonb_to_recordset(${json(wanted)}) AS w(name text, grants jsonb, "seesAllBusinessUnits" boolean) ON w.name = r.built_in WHERE r.tenant_id = ${tenant.tenantId}::uuid`,
    )
    const stale = wanted.filter((role) => stored.some((row) => row.built_in === role.name && !row.same))
    if (stale.length === 0) continue
    await db.change(systemCaller(db, tenant, null), { action: 'update', resource: 'roles' }, async (tx) => {
      const rows = await tx.query<{
        id: string
      }>(sql`UPDATE app.role r SET grants = w.grants, sees_all_business_units = w."seesAllBusinessUnits", version = version + 1, updated_at = now()
        FROM jsonb_to_recordset(${json(stale)}) AS w(name text, grants jsonb, "seesAllBusinessUnits" boolean) WHERE r.tenant_id = ${tenant.tenantId}::uuid AND r.built_in = w.name RETURNING r.id`)
      await tx.query(
        sql`UPDATE app.tenant SET policy_version = policy_version + 1 WHERE tenant_id = ${tenant.tenantId}::uuid`,
      )
      tx.touch({ resource: 'roles', ids: rows.map((row) => row.id), changed: ['grants'] })
    })
  }
}
