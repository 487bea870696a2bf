import { Ability } from '../access/ability.ts'
import type { Grant } from '../access/grant.ts'
import type { CustomFieldDefinition, Models } from '../access/model.ts'
import type { Credential, Principal } from '../access/principal.ts'
import { clearValuesPerDay } from './clear-quota.ts'
import { named, type SQL, sql } from './sql.ts'

/** Rights that the connector of a channel and the service's own work have are said in code, not in roles. */
const none = { teamIds: [], businessUnitIds: [], countries: [] }

/**
 * The check that runs inside every transaction: a row while the principal is still what it was when its ability was
 * built (roles, teams, units, its own record, its session). A right that was taken away is gone at the next request.
 */
export function standingSql(credential: Credential | null): SQL {
  if (!credential) return sql`SELECT 1 AS ok FROM app.tenant t WHERE t.tenant_id = ${named('eventTenant')}::uuid`
  const member = sql`m.tenant_id = t.tenant_id AND m.id = ${named('memberId')}::uuid AND m.access_version = ${named('memberVersion')} AND m.status = 'active' AND m.state = 'active'
    AND s.tenant_id = t.tenant_id AND s.id = ${named('sessionId')}::uuid AND s.member_id = m.id AND s.ended_at IS NULL AND s.expires_at > now()`
  const key = sql`k.tenant_id = t.tenant_id AND k.id = ${named('apiKeyId')}::uuid AND k.access_version = ${named('keyVersion')} AND k.status = 'active' AND k.state = 'active'
    AND (k.expires_at IS NULL OR k.expires_at > now())`
  const tenant = sql`t.tenant_id = ${named('eventTenant')}::uuid AND t.policy_version = ${named('policyVersion')}`
  if (credential.kind === 'member')
    return sql`SELECT 1 AS ok FROM app.tenant t, app.member m, app.session s WHERE ${tenant} AND ${member} AND s.api_key_id IS NULL`
  if (credential.kind === 'exchange')
    return sql`SELECT 1 AS ok FROM app.tenant t, app.member m, app.session s, app.api_key k WHERE ${tenant} AND ${member} AND s.api_key_id = k.id AND ${key}`
  return sql`SELECT 1 AS ok FROM app.tenant t, app.api_key k WHERE ${tenant} AND ${key} AND k.secret_hash = ${named('secretHash')}`
}

export function standingValues(principal: Principal): Record<string, unknown> {
  const { credential, standing } = principal
  if (!credential || !standing) return {}
  return {
    policyVersion: standing.policyVersion,
    memberVersion: standing.memberVersion,
    keyVersion: standing.keyVersion,
    memberId: 'memberId' in credential ? credential.memberId : null,
    sessionId: 'sessionId' in credential ? credential.sessionId : null,
    apiKeyId: 'apiKeyId' in credential ? credential.apiKeyId : null,
    secretHash: 'secretHash' in credential ? credential.secretHash : null,
  }
}

interface Holder {
  id: string
  version: number
  purpose: string | null
  team_ids: string[]
  unit_ids: string[]
  role_ids: string[]
  countries: string[]
  grants: Grant[]
  reveal_quota: number | null
  sees_all: boolean
}

const holderColumns = (
  alias: SQL,
): SQL => sql`json_build_object('id', ${alias}.id, 'version', ${alias}.access_version, 'purpose', ${alias}.default_purpose,
  'team_ids', ${alias}.team_ids, 'unit_ids', ${alias}.business_unit_ids, 'role_ids', ${alias}.role_ids, 'reveal_quota', ${alias}.reveal_quota,
  'countries', (SELECT coalesce(json_agg(DISTINCT c), '[]') FROM app.team g, unnest(g.countries) AS c WHERE g.tenant_id = ${alias}.tenant_id AND g.id = ANY (${alias}.team_ids) AND g.state = 'active'),
  'grants', (SELECT coalesce(json_agg(e), '[]') FROM app.role r, jsonb_array_elements(r.grants) AS e WHERE r.tenant_id = ${alias}.tenant_id AND r.id = ANY (${alias}.role_ids) AND r.state = 'active'),
  'sees_all', (SELECT coalesce(bool_or(r.sees_all_business_units), false) FROM app.role r WHERE r.tenant_id = ${alias}.tenant_id AND r.id = ANY (${alias}.role_ids) AND r.state = 'active'))`

export interface PrincipalRow {
  region: string
  policy_version: number
  wrapped_key: string
  custom_fields: CustomFieldDefinition[]
  default_unit: string | null
  purpose_required_for: string[]
  member: Holder | null
  key: Holder | null
}

/** Loads what an ability is built from; no row when the credential is no longer good. */
export function principalSql(credential: Credential): SQL {
  const tenant = sql`t.region, t.policy_version, t.purpose_required_for, encode(t.wrapped_key, 'base64') AS wrapped_key,
    (SELECT u.id FROM app.business_unit u WHERE u.tenant_id = t.tenant_id AND u.is_default) AS default_unit,
    (SELECT coalesce(json_agg(json_build_object('id', f.id, 'resource', f.resource, 'key', f.key, 'type', f.type, 'format', f.format,
      'classification', f.classification, 'currency', f.currency) ORDER BY f.id), '[]') FROM app.custom_field f WHERE f.tenant_id = t.tenant_id AND f.state = 'active') AS custom_fields`
  const inTenant = sql`t.tenant_id = ${credential.tenantId}::uuid`
  const key = (id: string): SQL =>
    sql`k.tenant_id = t.tenant_id AND k.id = ${id}::uuid AND k.status = 'active' AND k.state = 'active' AND (k.expires_at IS NULL OR k.expires_at > now())`
  const member = (id: string, session: string): SQL =>
    sql`m.tenant_id = t.tenant_id AND m.id = ${id}::uuid AND m.status = 'active' AND m.state = 'active'
        AND s.tenant_id = t.tenant_id AND s.id = ${session}::uuid AND s.member_id = m.id AND s.ended_at IS NULL AND s.expires_at > now()`
  switch (credential.kind) {
    case 'member':
      return sql`SELECT ${tenant}, ${holderColumns(sql`m`)} AS member, NULL AS key FROM app.tenant t, app.member m, app.session s
        WHERE ${inTenant} AND ${member(credential.memberId, credential.sessionId)} AND s.api_key_id IS NULL`
    case 'exchange':
      return sql`SELECT ${tenant}, ${holderColumns(sql`m`)} AS member, ${holderColumns(sql`k`)} AS key FROM app.tenant t, app.member m, app.session s, app.api_key k
        WHERE ${inTenant} AND ${member(credential.memberId, credential.sessionId)} AND s.api_key_id = k.id AND ${key(credential.apiKeyId)}`
    case 'apiKey':
      return sql`SELECT ${tenant}, NULL AS member, ${holderColumns(sql`k`)} AS key FROM app.tenant t, app.api_key k
        WHERE ${inTenant} AND ${key(credential.apiKeyId)} AND k.secret_hash = ${credential.secretHash}`
  }
}

/** Builds the principal of a verified credential. */
export function principalOf(credential: Credential, row: PrincipalRow, models: Models): Principal {
  const holder = row.member ?? row.key
  if (!holder) throw new Error('a principal needs a member or a key')
  const both = row.member && row.key
  const me = (one: Holder) => ({
    id: one.id,
    teamIds: one.team_ids,
    businessUnitIds: one.unit_ids,
    countries: one.countries,
  })
  const ability = Ability.of(holder.grants, me(holder), models)
  // A key that acts for a member: conditions of its roles that name $me mean the member.
  const joined = both && row.key ? ability.and(Ability.of(row.key.grants, me(holder), models)) : ability
  return {
    kind: row.key ? 'apiKey' : 'member',
    id: row.key ? row.key.id : holder.id,
    onBehalfOf: both ? holder.id : null,
    tenantId: credential.tenantId,
    region: row.region,
    units: both && row.key ? meet(unitsOf(holder), unitsOf(row.key)) : unitsOf(holder),
    defaultUnit: row.default_unit,
    purpose: holder.purpose,
    purposeRequiredFor: new Set(row.purpose_required_for),
    me: me(holder),
    roleIds: holder.role_ids,
    ability: joined,
    grants: both && row.key ? [holder.grants, row.key.grants] : [holder.grants],
    revealQuota: both && row.key ? Math.min(quotaOf(holder), quotaOf(row.key)) : quotaOf(holder),
    credential,
    standing: {
      policyVersion: row.policy_version,
      memberVersion: row.member?.version ?? null,
      keyVersion: row.key?.version ?? null,
    },
  }
}

const quotaOf = (holder: Holder): number => holder.reveal_quota ?? clearValuesPerDay

const unitsOf = (holder: Holder): readonly string[] | '*' => (holder.sees_all ? '*' : holder.unit_ids)

function meet(one: readonly string[] | '*', other: readonly string[] | '*'): readonly string[] | '*' {
  if (one === '*') return other
  return other === '*' ? one : one.filter((id) => other.includes(id))
}

/** A principal that the service itself is, with the rights that the code at hand gives it. */
export function ownPrincipal(
  kind: 'system' | 'connector' | 'anonymous' | 'visitor',
  tenant: { tenantId: string; region: string },
  id: string | null,
  grants: readonly Grant[],
  models: Models,
): Principal {
  const me = { id: id ?? '00000000-0000-0000-0000-000000000000', ...none }
  return {
    kind,
    id,
    onBehalfOf: null,
    tenantId: tenant.tenantId,
    region: tenant.region,
    units: '*',
    defaultUnit: null,
    purpose: null,
    purposeRequiredFor: new Set(),
    me,
    roleIds: [],
    ability: Ability.of(grants, me, models),
    grants: [grants],
    revealQuota: clearValuesPerDay,
    credential: null,
    standing: null,
  }
}
