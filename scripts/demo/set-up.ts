import { randomUUIDv7 } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { channelType } from '../../src/channels/index.ts'
import type { Database } from '../../src/db/database.ts'
import { sql } from '../../src/db/sql.ts'
import { channel } from '../../src/db/tables/conversation.ts'
import { systemCaller, tenantCreate } from '../../src/resources/tenants/create.ts'
import { type Account, type AccountKey, accounts } from './accounts.ts'
import { insertAll } from './bulk-insert.ts'
import { type Colleague, colleagues, type TeamKey, tags, teams, type UnitKey, units } from './company.ts'
import { customFields } from './custom-fields.ts'

/** The password of everybody in the demo. */
export const demoPassword = 'meridian-demo-1'

export interface Company {
  tenant: { tenantId: string; region: string }
  domain: string
  units: ReadonlyMap<UnitKey, string>
  teams: ReadonlyMap<TeamKey, string>
  members: readonly (Colleague & { id: string; email: string })[]
  accounts: ReadonlyMap<AccountKey, string>
  /** Ids of the fields that the company has defined, by key. */
  fields: ReadonlyMap<string, string>
}

const made = z.looseObject({ id: z.uuid() })
const list = z.object({ data: z.array(z.looseObject({ id: z.uuid() })) })
const session = z.object({ accessToken: z.string() })

/** How many steps `setUpCompany` takes. */
export const setUpSteps = [units, teams, tags, accounts, customFields].reduce(
  (sum, all) => sum + Object.keys(all).length,
  14,
)

/**
 * Makes the tenant, and as its owner everything that an administrator makes: through the API, so that all of its rules
 * hold and the audit tells who made it.
 */
export async function setUpCompany(
  app: FastifyInstance,
  db: Database,
  name: string,
  step: () => void,
): Promise<Company> {
  const domain = `${slug(name)}.example.com`
  const emailOf = (colleague: Colleague): string => `${colleague.login}@${domain}`
  const [owner, ...others] = colleagues
  if (!owner) throw new Error('the company has an owner')
  const { tenantId, ownerId } = await tenantCreate(db, {
    name,
    ownerEmail: emailOf(owner),
    ownerPassword: demoPassword,
  })
  const tenant = { tenantId, region: 'default' }
  step()
  const login = { email: emailOf(owner), password: demoPassword, tenant: tenantId }
  const { accessToken } = session.parse(await ask(app, null, 'POST', '/v1/sessions', login))
  const as = (method: 'GET' | 'POST' | 'PATCH', path: string, body?: object): Promise<unknown> =>
    ask(app, accessToken, method, path, body)
  const make = async (path: string, body: object): Promise<string> => {
    const { id } = made.parse(await as('POST', path, body))
    step()
    return id
  }

  const unitIds = new Map<UnitKey, string>()
  const [first] = list.parse(await as('GET', '/v1/business-units')).data
  for (const [key, unit] of entries(units)) {
    // The tenant's own first unit becomes the first of the company's.
    if (unitIds.size === 0 && first) {
      await as('PATCH', `/v1/business-units/${first.id}`, unit)
      unitIds.set(key, first.id)
      step()
    } else unitIds.set(key, await make('/v1/business-units', unit))
  }
  const teamIds = new Map<TeamKey, string>()
  for (const [key, team] of entries(teams)) teamIds.set(key, await make('/v1/teams', team))
  for (const [tag, [color, description]] of entries(tags)) await make('/v1/tags', { name: tag, color, description })
  const fieldIds = new Map<string, string>()
  for (const [key, { definition }] of entries(customFields))
    fieldIds.set(key, await make('/v1/custom-fields', { resource: 'contacts', key, ...definition }))

  const roles = list.parse(await as('GET', '/v1/roles?limit=200')).data
  const described = ({ name: displayName, language, timezone, ...who }: Colleague) => ({
    displayName,
    language,
    timezone,
    businessUnitIds: who.units.map((key) => known(unitIds, key)),
    teamIds: who.teams.map((key) => known(teamIds, key)),
  })
  await as('PATCH', `/v1/members/${ownerId}`, described(owner))
  const members = [{ ...owner, id: ownerId, email: emailOf(owner) }]
  for (const colleague of others) {
    const roleIds = roles.filter((role) => role.name === colleague.role).map((role) => role.id)
    const body = { ...described(colleague), email: emailOf(colleague), password: demoPassword, roleIds }
    members.push({ ...colleague, id: await make('/v1/members', body), email: emailOf(colleague) })
  }

  const accountIds = new Map<AccountKey, string>()
  for (const [key, account] of entries<AccountKey, Account>(accounts)) {
    const businessUnitId = known(unitIds, account.unit)
    if (channelType(account.type)) {
      const { type, name: called, settings } = account
      accountIds.set(key, await make('/v1/channels', { type, name: called, settings, businessUnitId }))
    } else {
      accountIds.set(key, await pastChannel(db, tenant, account, businessUnitId))
      step()
    }
  }
  return { tenant, domain, units: unitIds, teams: teamIds, members, accounts: accountIds, fields: fieldIds }
}

/** A channel of a provider that this release does not speak with yet: its history can be read, nothing can be sent. */
async function pastChannel(
  db: Database,
  tenant: Company['tenant'],
  account: Account,
  businessUnitId: string,
): Promise<string> {
  const id = randomUUIDv7()
  const seen = Object.fromEntries(Object.entries(account.settings).filter(([name]) => !account.secrets.includes(name)))
  await db.change(systemCaller(db, tenant, null), { action: 'import', resource: 'channels' }, async (tx) => {
    await tx.query(sql`SELECT directory.register_channel(${id}::uuid)`)
    await insertAll(tx, channel, [
      {
        tenantId: tenant.tenantId,
        id,
        businessUnitId,
        type: account.type,
        name: account.name,
        settings: seen,
        sealedSettings: tx.keys.seal(JSON.stringify(account.settings), `channel/${id}`),
        status: 'active',
      },
    ])
    tx.touch({ resource: 'channels', ids: [id], changed: ['type', 'name', 'settings'], version: 1 })
  })
  return id
}

async function ask(
  app: FastifyInstance,
  token: string | null,
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  body?: object,
): Promise<unknown> {
  const answer = await app.inject({
    method,
    url,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    ...(body ? { payload: body } : {}),
  })
  if (answer.statusCode >= 300) throw new Error(`${method} ${url} answered ${answer.statusCode}: ${answer.body}`)
  return answer.json()
}

const entries = <K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] => Object.entries(record) as [K, V][]

export function known<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const value = map.get(key)
  if (value === undefined) throw new Error(`${String(key)} was not made`)
  return value
}

/** The part of a name that can stand in a domain. */
function slug(name: string): string {
  const plain = name
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z\d]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 40)
  return plain === '' ? 'demo' : plain
}
