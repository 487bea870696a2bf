import { randomUUID } from 'node:crypto'
import t from 'tap'
import { appClient } from '../harness/app-login.ts'
import { startTestService } from '../harness/service.ts'

const denied = { code: '42501' }

/** The service with two tenants, each with rows in the tables that people fill, and a second business unit. */
async function filled(t: { teardown(end: () => Promise<void>): unknown }) {
  const service = await startTestService(t)
  const other = await service.tenant()
  const unit = (await service.request('POST', '/v1/business-units', { body: { name: 'Second' } })).id
  for (const token of [service.ownerToken, other.ownerToken]) {
    const person = {
      displayName: 'Anna',
      phone: '+4917012345678',
      tags: ['vip'],
      externalIds: [{ system: 'crm', id: '1' }],
    }
    await service.request('POST', '/v1/contacts', { token, body: person, headers: { 'idempotency-key': 'once' } })
    await service.request('POST', '/v1/teams', { token, body: { name: 'DACH' } })
    await service.request('POST', '/v1/api-keys', { token, body: { name: 'CRM', roleIds: [] } })
    await service.request('POST', '/v1/members', {
      token,
      body: { email: `${randomUUID()}@example.com`, displayName: 'Mei' },
    })
  }
  const inUnit = { displayName: 'Bea', email: 'bea@example.com', businessUnitId: unit }
  await service.request('POST', '/v1/contacts', { body: inUnit })
  const tables = await service.sql<{ name: string; has_unit: boolean }>(
    `SELECT n.nspname || '.' || c.relname AS name, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'business_unit_id') AS has_unit
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname IN ('app', 'audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  )
  return { service, other, unit, tables }
}

t.test('the login owns nothing and has no way to more', async (t) => {
  const service = await startTestService(t)
  const app = await appClient(t, service)
  const rows = async (text: string): Promise<unknown[]> => (await app.query(text)).rows
  t.same(
    await rows(
      `SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit FROM pg_roles WHERE rolname = current_user`,
    ),
    [
      {
        rolsuper: false,
        rolbypassrls: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
        rolinherit: false,
      },
    ],
  )
  t.same(
    await rows(
      `SELECT c.oid::regclass FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = current_user`,
    ),
    [],
  )
  t.same(
    await rows(
      `SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE r.rolname = current_user`,
    ),
    [],
  )
  t.same(
    await rows(`SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND has_schema_privilege(nspname, 'CREATE')`),
    [],
  )
  t.same(await rows(`SELECT rolname FROM pg_roles WHERE rolname <> current_user AND pg_has_role(oid, 'MEMBER')`), [])
  // Without a word about it, the temporary schema is looked into first, and everybody may make things there.
  t.same(
    await rows(
      `SELECT oid::regprocedure FROM pg_proc WHERE prosecdef AND coalesce(proconfig::text, '') !~ 'search_path=[a-z_, ]*pg_temp\\"'`,
    ),
    [],
    'what runs under the owner’s rights finds nothing that the login has made',
  )
  for (const text of [
    'SET ROLE postgres',
    'CREATE TABLE app.mine (id int)',
    'CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'ALTER TABLE app.contact DISABLE ROW LEVEL SECURITY',
    'DROP POLICY tenant ON app.contact',
    'ALTER TABLE audit.event DISABLE TRIGGER ALL',
    'SET session_replication_role = replica',
    'SELECT * FROM directory.login',
    'INSERT INTO directory.tenant (tenant_id, region) VALUES (gen_random_uuid(), $$x$$)',
    'SELECT * FROM directory.installation',
    'SELECT * FROM graphile_worker._private_jobs',
    `SELECT graphile_worker.add_job('x')`,
    'TRUNCATE app.contact',
    `SELECT pg_read_file('/etc/passwd')`,
    `COPY app.contact TO PROGRAM 'cat'`,
  ])
    await t.rejects(app.query(text), denied, text)
})

t.test('the audit can be added to and read, nothing else', async (t) => {
  const { service } = await filled(t)
  const app = await appClient(t, service)
  const { tenantId } = service
  const partitions = await service.sql<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit.event'::regclass`,
  )
  t.ok(partitions.length >= 4)
  const all = ['audit.event', ...partitions.map((one) => one.name)]
  await app.query(`SET app.tenant = '${tenantId}'`)
  const before = await service.sql('SELECT count(*)::int AS n FROM audit.event')
  for (const table of all)
    for (const text of [
      `UPDATE ${table} SET outcome = 'allowed'`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
      `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
      `DROP TABLE ${table}`,
      `COPY ${table} FROM STDIN`,
    ])
      await t.rejects(app.query(text), denied, text)
  for (const { name } of partitions) {
    await t.rejects(app.query(`SELECT * FROM ${name}`), denied, `${name} is read through its parent only`)
    await t.rejects(app.query(`INSERT INTO ${name} (tenant_id) VALUES ('${tenantId}')`), denied, name)
  }
  t.same(await service.sql('SELECT count(*)::int AS n FROM audit.event'), before)

  await t.test('time, epoch and order are the server’s', async (t) => {
    const event = (more: Record<string, string>, tenant = tenantId): string => {
      const columns = {
        tenant_id: `'${tenant}'`,
        event_id: 'gen_random_uuid()',
        actor_kind: `'system'`,
        action: `'read'`,
        resource: `'contacts'`,
        shape_id: 'gen_random_uuid()',
        ids: `'{}'`,
        row_count: '0',
        outcome: `'allowed'`,
        ...more,
      }
      return `INSERT INTO audit.event (${Object.keys(columns).join()}) VALUES (${Object.values(columns).join()})`
    }
    for (const [column, value] of Object.entries({
      occurred_at: `'2020-01-01'`,
      epoch: '7',
      transaction_id: `'1'`,
      sequence: '1',
    })) {
      await t.rejects(app.query(event({ [column]: value })), denied, column)
      await t.rejects(app.query(event({ [column]: 'DEFAULT' })), denied, `${column}, even as its default`)
    }
    await t.rejects(app.query(`SELECT setval('audit.event_sequence', 1)`), denied)
    await t.rejects(app.query(event({}, randomUUID())), denied, 'of another tenant')
    await app.query(event({}))
    t.same(
      await service.sql(
        `SELECT epoch, occurred_at > now() - interval '1 minute' AS now FROM audit.event ORDER BY sequence DESC LIMIT 1`,
      ),
      [{ epoch: 1, now: true }],
    )
  })

  await t.test('not even the owner changes, deletes, truncates or drops', async (t) => {
    // An empty partition has no row whose trigger could object.
    for (const table of all)
      for (const text of [
        `UPDATE ${table} SET outcome = 'allowed'`,
        `DELETE FROM ${table}`,
        `TRUNCATE ${table}`,
        `DROP TABLE ${table} CASCADE`,
        `ALTER TABLE ${table} DROP COLUMN ip CASCADE`,
      ].filter((one) => table === 'audit.event' || !one.includes('COLUMN')))
        if (!/^(UPDATE|DELETE)/.test(text) || (await service.sql(`SELECT FROM ${table} LIMIT 1`)).length > 0)
          await t.rejects(service.sql(text), denied, text)
    for (const text of [
      'DROP SCHEMA audit CASCADE',
      'DROP TRIGGER append_only ON audit.event',
      'DROP TRIGGER no_truncate ON audit.event',
      'DROP FUNCTION audit.refuse() CASCADE',
      'DROP POLICY tenant ON audit.event',
      'DROP OWNED BY CURRENT_USER CASCADE',
    ])
      await t.rejects(service.sql(text), /what the audit consists of is not altered|cannot drop objects owned/, text)
    const [{ n } = { n: 0 }] = await service.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit.event')
    t.equal(n, Number(before[0]?.n) + 1)
  })
})

t.test('hand-written SQL that forgets its WHERE sees one tenant, and none when none is set', async (t) => {
  const { service, other, tables } = await filled(t)
  const app = await appClient(t, service)
  const count = async (table: string, where = 'true'): Promise<number> =>
    Number((await app.query(`SELECT count(*)::int AS n FROM ${table} WHERE ${where}`)).rows[0]?.n)

  let ofBoth = 0
  for (const { name } of tables) {
    const [found] = await service.sql<{ mine: number; theirs: number }>(
      `SELECT count(*) FILTER (WHERE tenant_id = $1)::int AS mine, count(*) FILTER (WHERE tenant_id = $2)::int AS theirs FROM ${name}`,
      [service.tenantId, other.tenantId],
    )
    if (found && found.mine > 0 && found.theirs > 0) ofBoth++
    await app.query('RESET ALL')
    t.equal(await count(name), 0, `${name}: nothing set`)
    await app.query(`SET app.tenant = ''`)
    t.equal(await count(name), 0, `${name}: set to nothing`)
    await app.query(`RESET app.tenant; SET app.all_units = 'on'`)
    t.equal(await count(name), 0, `${name}: all units of no tenant`)
    await app.query(`SET app.tenant = '${service.tenantId}'`)
    t.equal(await count(name), found?.mine, `${name}: the whole of one tenant`)
    t.equal(await count(name, `tenant_id = '${other.tenantId}'`), 0, `${name}: nothing of another, asked for by name`)
    t.equal(await count(name, `tenant_id <> '${service.tenantId}' OR true`), found?.mine, name)
  }
  t.ok(ofBoth >= 14, `${ofBoth} tables had rows of both tenants`)

  await t.test('a tenant that is no tenant is an error, not everybody', async (t) => {
    await app.query(`SET app.tenant = 'x'' OR true --'`)
    await t.rejects(app.query('SELECT * FROM app.contact'), { code: '22P02' })
  })

  await t.test('writes stay inside it', async (t) => {
    await app.query(`SET app.tenant = '${service.tenantId}'; SET app.all_units = 'on'`)
    const theirs = () => service.sql('SELECT * FROM app.contact WHERE tenant_id = $1', [other.tenantId])
    const before = await theirs()
    t.equal(
      (await app.query(`UPDATE app.contact SET display_name = 'x' WHERE tenant_id = '${other.tenantId}'`)).rowCount,
      0,
    )
    t.equal((await app.query(`DELETE FROM app.tag WHERE tenant_id = '${other.tenantId}'`)).rowCount, 0)
    await t.rejects(app.query(`UPDATE app.tag SET tenant_id = '${other.tenantId}'`), denied)
    const insert = `INSERT INTO app.tag (tenant_id, id, name) VALUES ('${other.tenantId}', gen_random_uuid(), 'x')`
    await t.rejects(app.query(insert), denied)
    await t.rejects(app.query(`${insert} ON CONFLICT (tenant_id, name) DO UPDATE SET name = 'y'`), denied)
    t.same(await theirs(), before)
    // The functions that reach beyond a tenant write for the one that is set.
    await app.query(`SELECT directory.forget_login('${other.ownerId}')`)
    t.same(await service.sql('SELECT count(*)::int AS n FROM directory.login WHERE member_id = $1', [other.ownerId]), [
      { n: 1 },
    ])
  })
})

t.test('hand-written SQL stays inside the business units that are set', async (t) => {
  const { service, unit, tables } = await filled(t)
  const app = await appClient(t, service)
  await app.query(`SET app.tenant = '${service.tenantId}'; SET app.units = '${unit}'`)
  const seen: string[] = []
  for (const { name } of tables.filter((one) => one.has_unit)) {
    const mine = await service.sql(`SELECT * FROM ${name} WHERE business_unit_id = $1`, [unit])
    const found = await app.query(`SELECT * FROM ${name}`)
    t.equal(found.rows.length, mine.length, name)
    if (mine.length > 0) seen.push(name)
  }
  t.same(seen, ['app.contact', 'app.identity'])
  const [first] = await service.sql<{ id: string }>(
    'SELECT id FROM app.business_unit WHERE tenant_id = $1 AND is_default',
    [service.tenantId],
  )
  await t.rejects(
    app.query(
      `INSERT INTO app.contact (tenant_id, id, business_unit_id) VALUES ('${service.tenantId}', gen_random_uuid(), '${first?.id}')`,
    ),
    denied,
  )
  await t.rejects(app.query(`UPDATE app.contact SET business_unit_id = '${first?.id}'`), denied)
  await app.query(`SET app.units = ''`)
  t.equal((await app.query('SELECT * FROM app.contact')).rows.length, 0, 'no units, no rows')
})
