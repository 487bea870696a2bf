import pg from 'pg'
import { pino } from 'pino'
import { z } from 'zod'
import { buildApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import { Connections } from '../../src/db/connections.ts'
import { Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { Keyring } from '../../src/privacy/keyring.ts'
import { models } from '../../src/resources/index.ts'
import { tenantCreate } from '../../src/resources/tenants/create.ts'
import type { BenchRequest } from './load.ts'

export interface Prepared {
  tenantId: string
  appUrl: string
  token: string
  channelId: string
  contactId: string
  requests: Record<'read' | 'list' | 'patch' | 'webhook', BenchRequest[]>
}

const listed = z.object({ data: z.array(z.object({ id: z.string() })) })
const log = pino({ level: 'silent' })
const appSecret = 'bench-app-secret'

/** A tenant with contacts, an API key with the owner's rights, and a WhatsApp channel. */
export async function prepare(ownerUrl: string, masterKey: string, contacts: number): Promise<Prepared> {
  const keyring = new Keyring(Buffer.from(masterKey, 'base64'))
  const appUrl = await migrate({
    ownerUrl,
    appUrl: null,
    keyring,
    folder: new URL('../../migrations/', import.meta.url),
    log,
  })
  const db = new Database(new Connections(appUrl, 4, () => {}), keyring, models)
  const config = parseConfig({ DATABASE_URL: ownerUrl, MASTER_KEY: masterKey, RATE_LIMIT_PER_MINUTE: '0' }, '/')
  const { tenantId } = await tenantCreate(db, {
    name: 'Bench',
    ownerEmail: 'owner@example.com',
    ownerPassword: 'bench-password',
  })
  const app = await buildApp({ config, db, log })
  const call = async <T>(
    shape: z.ZodType<T>,
    method: 'GET' | 'POST',
    url: string,
    token: string | null,
    payload?: object,
  ) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {}
    const answer = await app.inject({ method, url, ...(payload ? { payload } : {}), headers })
    if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.body}`)
    return shape.parse(answer.json())
  }
  const login = { email: 'owner@example.com', password: 'bench-password' }
  const { accessToken } = await call(z.object({ accessToken: z.string() }), 'POST', '/v1/sessions', null, login)
  const roles = await call(listed, 'GET', '/v1/roles?name=owner', accessToken)
  const newKey = { name: 'bench', roleIds: roles.data.map((role) => role.id) }
  const { key } = await call(z.object({ key: z.string() }), 'POST', '/v1/api-keys', accessToken, newKey)
  const channel = await call(z.object({ id: z.string() }), 'POST', '/v1/channels', accessToken, {
    type: 'whatsapp',
    name: 'Bench',
    settings: { phoneNumberId: '106540352242922', appSecret, verifyToken: 'bench', accessToken: 'bench' },
  })
  await seed(ownerUrl, tenantId, contacts)
  const first = await call(listed, 'GET', '/v1/contacts?limit=200', accessToken)
  const ids = first.data.map((one) => one.id)
  await app.close()
  await db.close()
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const at = (path: string): string => `/v1${path}`
  return {
    tenantId,
    appUrl,
    token: key,
    channelId: channel.id,
    contactId: ids[0] ?? '',
    requests: {
      read: ids.map((id) => ({ method: 'GET', path: at(`/contacts/${id}`), headers })),
      list: [{ method: 'GET', path: at('/contacts?limit=25'), headers }],
      patch: ids.map((id) => ({
        method: 'PATCH',
        path: at(`/contacts/${id}`),
        headers,
        body: JSON.stringify({ followUpStatus: 'step COUNT' }),
        counted: 'COUNT',
      })),
      webhook: [
        {
          method: 'POST',
          path: at(`/ingest/${channel.id}`),
          headers: { 'content-type': 'application/json' },
          body: post('UNIQUE'),
          unique: { text: 'UNIQUE', secret: appSecret },
        },
      ],
    },
  }
}

const post = (id: string): string =>
  JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '102290129340398',
        changes: [
          {
            field: 'messages',
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '4930123456', phone_number_id: '106540352242922' },
              contacts: [{ profile: { name: 'Anna' }, wa_id: '4915100000000' }],
              messages: [
                {
                  from: '4915100000000',
                  id: `wamid.${id}`,
                  timestamp: '1795341114',
                  type: 'text',
                  text: { body: 'Is my order on its way?' },
                },
              ],
            },
          },
        ],
      },
    ],
  })

/** Contacts by plain SQL: what is measured is reading them. */
async function seed(ownerUrl: string, tenantId: string, contacts: number): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  // Seeds: nobody asks for their audit events.
  await client.query('SET session_replication_role = replica')
  await client.query(`SELECT set_config('app.tenant', $1, false), set_config('app.all_units', 'on', false)`, [tenantId])
  await client.query(
    `INSERT INTO app.contact (tenant_id, id, business_unit_id, display_name, given_name, family_name, email, phone, company, country, language, lifecycle_stage, follow_up_status, tags, created_at)
     SELECT $1, (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - $2 + n), 12, '0') || '7000' || '8' || substr(md5(n::text), 1, 15))::uuid, u.id,
            'Person ' || n, 'Given' || n % 500, 'Family' || n % 3000, 'person' || n || '@example.com', '+49151' || lpad(n::text, 8, '0'), 'Company ' || n % 900,
            (ARRAY['DE','FR','BR','JP','TH'])[1 + n % 5], 'de', (ARRAY['lead','prospect','customer'])[1 + n % 3], 'open', ARRAY['demo'], now() - n * interval '1 minute'
       FROM generate_series(1, $2::int) AS n, app.business_unit AS u WHERE u.tenant_id = $1 AND u.is_default`,
    [tenantId, contacts],
  )
  await client.query('VACUUM ANALYZE app.contact')
  await client.end()
}
