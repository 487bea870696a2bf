import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { buildApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import { Connections } from '../../src/db/connections.ts'
import { Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { Keyring } from '../../src/privacy/keyring.ts'
import { models } from '../../src/resources/index.ts'
import { tenantCreate } from '../../src/resources/tenants/create.ts'

/** The members who are measured; the owner is measured beside each. */
export const cases = ['wide', 'narrow', 'mine', 'sum', 'many'] as const

const fields = {
  read: ['id', 'displayName', 'country', 'followUpStatus', 'tags', 'updatedAt'],
  mask: ['phone', 'email'],
}
const grant = (when?: object) => ({ resource: 'contacts', actions: ['read'], fields, ...(when ? { when } : {}) })
const inUnit = { in: ['businessUnitId', '$me.businessUnitIds'] }
const inCountry = { in: ['country', '$me.countries'] }
const ofTeam = { in: ['teamId', '$me.teamIds'] }
const own = { eq: ['ownerId', '$me.id'] }

/** Each policy with five conditions: over much, over little, over what is one's own, and as five roles that add up. */
const policies: Record<(typeof cases)[number], object[][]> = {
  wide: [[grant({ and: [inUnit, inCountry, { or: [own, ofTeam, { in: ['followUpStatus', ['open', 'to call']] }] }] })]],
  narrow: [
    [grant({ and: [inUnit, inCountry, ofTeam, { eq: ['lifecycleStage', 'lead'] }, { exists: ['email', true] }] })],
  ],
  mine: [
    [
      grant({
        and: [
          own,
          inUnit,
          { ne: ['followUpStatus', 'done'] },
          { exists: ['phone', true] },
          { not: { eq: ['restricted', true] } },
        ],
      }),
    ],
  ],
  sum: [
    [grant(own)],
    [grant(ofTeam)],
    [grant({ eq: ['followUpStatus', 'escalated'] })],
    [grant({ eq: ['country', 'IS'] })],
    [grant({ eq: ['tags', 'vip'] })],
  ],
  // 200 roles of 100 grants each, as they come when every project adds one.
  many: Array.from({ length: 200 }, (_, i) =>
    Array.from({ length: 100 }, (_, j) =>
      grant({
        and: [
          inUnit,
          { eq: ['country', ['DE', 'FR', 'BR', 'JP', 'TH'][j % 5]] },
          { gte: ['intentScore', (i * 7 + j) % 100] },
        ],
      }),
    ),
  ),
}

export interface PreparedPolicies {
  port: number
  tokens: ReadonlyMap<string, string>
  db: Database
  ownerUrl: string
  close: () => Promise<void>
}

/** A tenant with teams, countries, units and contacts spread over them, and a member for each case. */
export async function preparePolicies(ownerUrl: string, contacts: number): Promise<PreparedPolicies> {
  const masterKey = randomBytes(32).toString('base64')
  const log = pino({ level: 'silent' })
  const keyring = new Keyring(Buffer.from(masterKey, 'base64'))
  const folder = new URL('../../migrations/', import.meta.url)
  const appUrl = await migrate({ ownerUrl, appUrl: null, keyring, folder, log })
  const db = new Database(new Connections(appUrl, 10, () => {}), keyring, models)
  const config = parseConfig({ DATABASE_URL: ownerUrl, MASTER_KEY: masterKey, RATE_LIMIT_PER_MINUTE: '0' }, '/')
  const login = { email: 'owner@example.com', password: 'bench-password' }
  const { tenantId } = await tenantCreate(db, { name: 'Bench', ownerEmail: login.email, ownerPassword: login.password })
  const app = await buildApp({ config, db, log })
  const port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
  const call = async (method: string, path: string, body: object, token?: string): Promise<Record<string, string>> => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) }
    const answer = await fetch(`http://127.0.0.1:${port}/v1${path}`, { method, headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`)
    return (await answer.json()) as Record<string, string>
  }
  const tokens = new Map<string, string>()
  const owner = (await call('POST', '/sessions', login)).accessToken ?? ''
  tokens.set('owner', owner)
  const units = await made(4, (i) => call('POST', '/business-units', { name: `Unit ${i}` }, owner))
  const teams = await made(10, (i) =>
    call('POST', '/teams', { name: `Team ${i}`, countries: countries.slice(i * 2, i * 2 + 2) }, owner),
  )
  const members: string[] = []
  for (const name of cases) {
    const roleIds: string[] = []
    for (const [i, grants] of policies[name].entries())
      roleIds.push((await call('POST', '/roles', { name: `${name} ${i}`, grants }, owner)).id ?? '')
    const email = `${name}@example.com`
    const more = {
      email,
      displayName: name,
      password: login.password,
      roleIds,
      teamIds: [teams[0]],
      businessUnitIds: [units[0]],
    }
    members.push((await call('POST', '/members', more, owner)).id ?? '')
    tokens.set(name, (await call('POST', '/sessions', { email, password: login.password })).accessToken ?? '')
  }
  await seed(ownerUrl, tenantId, contacts, { units, teams, members })
  const close = async (): Promise<void> => {
    await app.close()
    await db.close()
  }
  return { port, tokens, db, ownerUrl, close }
}

const countries = [
  'DE',
  'FR',
  'BR',
  'JP',
  'TH',
  'IT',
  'ES',
  'PL',
  'SE',
  'NL',
  'US',
  'CA',
  'MX',
  'AR',
  'IN',
  'CN',
  'KR',
  'AE',
  'ZA',
  'AU',
]

async function made(count: number, make: (i: number) => Promise<Record<string, string>>): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push((await make(i)).id ?? '')
  return ids
}

/** By plain SQL, spread without order: neighbours in time have nothing else in common. */
async function seed(
  ownerUrl: string,
  tenantId: string,
  contacts: number,
  { units, teams, members }: Record<'units' | 'teams' | 'members', string[]>,
): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  // Seeds: nobody asks for their audit events.
  await client.query('SET session_replication_role = replica')
  await client.query(`SELECT set_config('app.tenant', $1, false), set_config('app.all_units', 'on', false)`, [tenantId])
  await client.query(
    `INSERT INTO app.contact (tenant_id, id, business_unit_id, display_name, email, phone, company, country, language, lifecycle_stage, follow_up_status, intent_score, tags, team_id, owner_id, created_at, updated_at)
     SELECT $1, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - $2 + n), 12, '0') || '7000' || '8' || substr(md5(n::text), 1, 15))::uuid,
            ($3::uuid[])[1 + h % 4], 'Person ' || n, 'person' || n || '@example.com', '+49151' || lpad(n::text, 8, '0'), 'Company ' || n % 900,
            CASE WHEN h % 5000 = 7 THEN 'IS' ELSE ($6::text[])[1 + (h / 4) % 20] END, 'de', (ARRAY['lead','prospect','customer'])[1 + h % 3],
            CASE WHEN h % 3000 = 11 THEN 'escalated' ELSE (ARRAY['open','to call','done','waiting'])[1 + (h / 7) % 4] END, h % 101,
            CASE WHEN h % 4000 = 13 THEN ARRAY['vip'] ELSE ARRAY['demo'] END, ($4::uuid[])[1 + (h / 11) % 10],
            CASE WHEN (h / 13) % 400 = 0 THEN ($5::uuid[])[1 + (h / 17) % 5] END, now() - n * interval '1 second', now() - (h % 1000000) * interval '1 second'
       FROM generate_series(1, $2::int) AS n, LATERAL (SELECT abs(hashint4(n)) AS h) AS x`,
    [tenantId, contacts, units, teams, members, countries],
  )
  await client.query('VACUUM ANALYZE app.contact')
  await client.end()
}
