import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { appClient } from '../harness/app-login.ts'
import { startTestService, type TestService } from '../harness/service.ts'

const denied = { code: '42501' }

/** Tables of schema app whose changes need no event, each with its reason. There is none. */
const exempt: readonly string[] = []

async function superuser(t: Tap, { ownerUrl }: TestService): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: ownerUrl })
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** An event that says little: that there is one is what is asked. */
const event = (tenantId: string): string =>
  `INSERT INTO audit.event (tenant_id, event_id, actor_kind, action, resource, shape_id, ids, row_count, outcome)
   VALUES ('${tenantId}', gen_random_uuid(), 'system', 'update', 'tags', gen_random_uuid(), '{}', 0, 'allowed')`

t.test('every table of a tenant demands an event, and every table of the audit is append-only', async (t) => {
  const service = await startTestService(t)
  const bare =
    await service.sql(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'app'::regnamespace AND c.relkind IN ('r', 'p')
    AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = 'audit.demand_event()'::regprocedure
          AND t.tgenabled = 'O' AND (t.tgdeferrable AND t.tginitdeferred AND t.tgtype & 28 = 28 OR t.tgtype & 32 = 32)) < 2`)
  t.same(
    bare.map((row) => row.relname),
    exempt,
  )
  const open =
    await service.sql(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p')
    AND ((SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = 'audit.refuse()'::regprocedure AND t.tgenabled = 'O') < 2
         OR NOT c.relrowsecurity OR NOT c.relforcerowsecurity)`)
  t.same(open, [])
})

t.test('a table that is added later demands its events too', async (t) => {
  const service = await startTestService(t)
  const client = await superuser(t, service)
  await client.query(`CREATE TABLE app.thing (tenant_id uuid, id uuid); CALL app.govern('app.thing')`)
  const insert = `INSERT INTO app.thing VALUES ('${service.tenantId}', gen_random_uuid())`
  await t.rejects(client.query(insert), denied)
  await client.query(`BEGIN; ${insert}; ${event(service.tenantId)}; COMMIT`)
  t.same((await client.query('SELECT count(*)::int AS n FROM app.thing')).rows, [{ n: 1 }])
})

t.test('no change without an event of the same transaction and tenant is committed, whoever makes it', async (t) => {
  const service = await startTestService(t)
  const { tenantId } = service
  const other = await service.tenant()
  const { id } = await service.request('POST', '/v1/tags', { body: { name: 'vip' } })
  const insert = `INSERT INTO app.tag (tenant_id, id, name) VALUES ('${tenantId}', gen_random_uuid(), gen_random_uuid()::text)`
  const changes = {
    INSERT: insert,
    UPDATE: `UPDATE app.tag SET color = '#ff0000' WHERE id = '${id}'`,
    DELETE: `DELETE FROM app.tag WHERE id = '${id}'`,
    upsert: `${insert.replace('gen_random_uuid()::text', "'vip'")} ON CONFLICT (tenant_id, name) DO UPDATE SET color = 'x'`,
    'a write inside a read': `WITH w AS (${insert} RETURNING id) SELECT * FROM w`,
    'a function': `DO $do$ BEGIN ${insert}; END $do$`,
  }
  const logins = { application: await appClient(t, service), superuser: await superuser(t, service) }
  for (const [who, client] of Object.entries(logins)) {
    await client.query(`SET app.tenant = '${tenantId}'; SET app.all_units = 'on'`)
    const tags = async () => (await service.sql('SELECT * FROM app.tag ORDER BY id')).map((row) => JSON.stringify(row))
    const before = await tags()
    for (const [what, change] of Object.entries(changes)) {
      await t.rejects(client.query(change), denied, `${who}: ${what}`)
      await t.rejects(client.query(`BEGIN; ${change}; COMMIT`), denied, `${who}: ${what} in a transaction`)
      await client.query('ROLLBACK')
      // An event of the transaction before is none.
      await client.query(event(tenantId))
      await t.rejects(client.query(change), denied, `${who}: ${what} after another transaction's event`)
      await client.query(`BEGIN; ${change}; SAVEPOINT s; ${event(tenantId)}; ROLLBACK TO s`)
      await t.rejects(client.query('COMMIT'), denied, `${who}: ${what} whose event was undone`)
      await client.query(
        `BEGIN; SAVEPOINT s; ${event(tenantId)}; ${change}; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO s; ${change}`,
      )
      await t.rejects(client.query('COMMIT'), denied, `${who}: ${what} after a look at an event that was undone`)
    }
    await t.rejects(client.query('TRUNCATE app.tag'), denied, `${who}: TRUNCATE`)
    await t.rejects(
      client.query(`BEGIN; ${event(tenantId)}; TRUNCATE app.tag`),
      denied,
      `${who}: TRUNCATE beside an event`,
    )
    await client.query('ROLLBACK')
    t.same(await tags(), before, `${who}: nothing has changed`)
    for (const [what, change] of [...Object.entries(changes)].filter(([name]) => name !== 'DELETE')) {
      await client.query(`BEGIN; ${change}; ${event(tenantId)}; COMMIT`)
      await client.query(`BEGIN; ${event(tenantId)}; ${change}; COMMIT`)
      t.not((await tags()).length, 0, `${who}: ${what} beside its event`)
    }
  }
  const { superuser: dba } = logins
  await dba.query(`BEGIN; UPDATE app.tag SET color = 'x' WHERE id = '${id}'; ${event(other.tenantId)}`)
  await t.rejects(dba.query('COMMIT'), denied, 'an event of another tenant is none')
  await dba.query(`BEGIN; SET LOCAL session_replication_role = replica; ALTER TABLE app.tag DROP CONSTRAINT tag_tenant_id_fkey; SET LOCAL session_replication_role = DEFAULT;
    UPDATE app.tag SET tenant_id = '${other.tenantId}' WHERE id = '${id}'; ${event(tenantId)}; ${event(other.tenantId)}`)
  await t.rejects(dba.query('COMMIT'), denied, 'a row stays with its tenant')
})

t.test('a forgotten path answers no success and leaves nothing', async (t) => {
  const service = await startTestService(t)
  const { db, tenantId } = service
  const caller = {
    principal: db.own('system', { tenantId, region: 'default' }),
    meta: { requestId: null, ip: null, purpose: null },
  }
  // Another tenant's rows under this tenant's event: what a mistake in the choke point would look like.
  const other = await service.tenant()
  const insert = `INSERT INTO app.tag (tenant_id, id, name) VALUES ('${other.tenantId}', gen_random_uuid(), 'x')`
  const client = await superuser(t, service)
  await client.query(`BEGIN; ${insert}; ${event(tenantId)}`)
  await t.rejects(client.query('COMMIT'), denied)
  t.same(await service.sql('SELECT FROM app.tag'), [])
  t.ok(await db.tenantKeys(caller.principal))
})

t.test('in a month that has just begun, too, the look for the event goes by the order of events', async (t) => {
  const service = await startTestService(t)
  const [{ body = '', settings = [] } = {}] = await service.sql<{ body: string; settings: string[] }>(
    "SELECT prosrc AS body, proconfig AS settings FROM pg_proc WHERE oid = to_regprocedure('audit.demand_event()')",
  )
  const looks = [...body.matchAll(/PERFORM (FROM audit\.event_\d{4}_\d{2} .*);/g)].map(([, look = '']) => look)
  t.ok(looks.length >= 4, 'one for each month around')
  const client = await superuser(t, service)
  for (const one of settings.filter((setting) => setting.startsWith('enable_'))) await client.query(`SET ${one}`)
  for (const look of looks) {
    // As the function's plan is made, which stays while the month fills.
    const { rows: plan } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT ${look.replace('= tenant ', `= '${service.tenantId}' `)}`,
    )
    const text = plan.map((row) => row['QUERY PLAN']).join('\n')
    t.match(text, /Index Cond: .*tenant_id.*epoch.*transaction_id/, text)
    t.notMatch(text, /Sort/, text)
  }
})

t.test('at the turn of a month, and in a month without a partition, events are found too', async (t) => {
  const service = await startTestService(t)
  const { tenantId } = service
  const client = await superuser(t, service)
  const insert = `INSERT INTO app.tag (tenant_id, id, name) VALUES ('${tenantId}', gen_random_uuid(), '${randomUUID()}')`
  const [{ body } = { body: '' }] = await service.sql<{ body: string }>(
    `SELECT prosrc AS body FROM pg_proc WHERE oid = 'audit.demand_event()'::regprocedure`,
  )
  t.match(body, /audit\.event_\d{4}_\d\d AS e/, 'a partition is named')
  t.match(body, /FROM audit\.event AS e/, 'and the parent')
  // As if none of the months that it names were now.
  await client.query(`SET custodia.audit_ddl = 'on'`)
  await client.query(
    `CREATE OR REPLACE FUNCTION audit.demand_event() RETURNS trigger LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$${body.replaceAll(/'20\d\d-/g, `'1999-`)}$f$`,
  )
  await client.query(`SET custodia.audit_ddl = ''`)
  await t.rejects(client.query(insert), denied)
  await client.query(`BEGIN; ${insert}; ${event(tenantId)}; COMMIT`)
  t.equal((await service.request('POST', '/v1/tags', { body: { name: 'after' } })).status, 201)
  // The next start, or the hour's upkeep, writes it anew.
  await client.query('SELECT audit.make_partitions(5)')
  t.same(
    await service.sql(`SELECT prosrc = $1 AS same FROM pg_proc WHERE oid = 'audit.demand_event()'::regprocedure`, [
      body,
    ]),
    [{ same: true }],
  )
})

t.test(
  'DDL that would take the audit or its guards away is refused, said to the server’s log, and allowed in so many words',
  async (t) => {
    const service = await startTestService(t)
    const client = await superuser(t, service)
    const said: string[] = []
    client.on('notice', (notice) => said.push(String(notice.message)))
    await client.query('SET client_min_messages = log')
    const tables = await service.sql<{ name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind IN ('r', 'p')`,
    )
    const functions = await service.sql<{ name: string; kind: string }>(
      `SELECT oid::regprocedure::text AS name, CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind FROM pg_proc WHERE pronamespace = 'audit'::regnamespace`,
    )
    const definition = () =>
      service.sql(`SELECT 'trigger' AS kind, tgname AS name, tgrelid::regclass::text AS of, tgenabled::text AS body FROM pg_trigger
      UNION ALL SELECT 'relation', relname, relnamespace::regnamespace::text, relrowsecurity::text || relforcerowsecurity FROM pg_class WHERE relname !~ '^pg_'
      UNION ALL SELECT 'policy', polname, polrelid::regclass::text, pg_get_expr(polqual, polrelid) FROM pg_policy
      UNION ALL SELECT 'function', proname, pronamespace::regnamespace::text, prosrc FROM pg_proc WHERE pronamespace::regnamespace::text IN ('app', 'audit', 'directory')
      UNION ALL SELECT 'column', attname, attrelid::regclass::text, atttypid::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'audit'::regnamespace
      ORDER BY 1, 2, 3, 4`)
    const before = await definition()
    const partition = tables.find(({ name }) => /event_\d/.test(name))?.name
    const statements = [
      ...tables.flatMap(({ name }) => [
        `DROP TABLE ${name} CASCADE`,
        `ALTER TABLE ${name} DISABLE TRIGGER ALL`,
        `ALTER TABLE ${name} DISABLE TRIGGER USER`,
        `ALTER TABLE ${name} DISABLE TRIGGER no_truncate`,
        `ALTER TABLE ${name} NO FORCE ROW LEVEL SECURITY`,
        `ALTER TABLE ${name} DISABLE ROW LEVEL SECURITY`,
        `ALTER TABLE ${name} RENAME TO gone`,
        `ALTER TABLE ${name} SET SCHEMA public`,
        `ALTER TABLE ${name} OWNER TO CURRENT_USER`,
        `DROP POLICY tenant ON ${name}`,
        `DROP TRIGGER no_truncate ON ${name}`,
        `CREATE RULE r AS ON INSERT TO ${name} DO INSTEAD NOTHING`,
        `CREATE TRIGGER mine AFTER INSERT ON ${name} FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()`,
        `TRUNCATE ${name}`,
        `TRUNCATE ${name} CASCADE`,
      ]),
      ...functions.flatMap(({ name, kind }) => [
        `DROP ${kind} ${name} CASCADE`,
        `ALTER ${kind} ${name} RENAME TO gone`,
      ]),
      'ALTER FUNCTION audit.refuse() SET SCHEMA public',
      'ALTER FUNCTION audit.demand_event() SET SCHEMA public',
      `CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'`,
      `CREATE OR REPLACE FUNCTION audit.demand_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
      `ALTER TABLE audit.event DETACH PARTITION ${partition}`,
      'ALTER TABLE audit.event DROP COLUMN ip CASCADE',
      `ALTER TABLE audit.event ALTER COLUMN occurred_at SET DEFAULT '2000-01-01'`,
      'ALTER SEQUENCE audit.event_sequence RESTART',
      'DROP TRIGGER append_only ON audit.event',
      'ALTER TRIGGER append_only ON audit.event RENAME TO x',
      'DROP INDEX audit.event_order',
      'DROP VIEW audit.readable_event',
      'DROP SCHEMA audit CASCADE',
      'ALTER SCHEMA audit RENAME TO gone',
      'DROP TABLE app.tag CASCADE',
      'DROP SCHEMA app CASCADE',
      'DROP TRIGGER recorded ON app.contact',
      'DROP TRIGGER no_truncate ON app.contact',
      'ALTER TABLE app.contact DISABLE TRIGGER recorded',
      'ALTER TABLE app.contact DISABLE TRIGGER ALL',
      'ALTER TABLE app.contact ENABLE REPLICA TRIGGER recorded',
      'ALTER TABLE app.contact SET SCHEMA public',
      'CREATE OR REPLACE FUNCTION directory.refuse_audit_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$',
      'DROP FUNCTION directory.refuse_audit_ddl() CASCADE',
      'ALTER FUNCTION directory.refuse_audit_ddl() RENAME TO gone',
      'CREATE OR REPLACE FUNCTION custodia.refuse_guard_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$',
      'DROP FUNCTION custodia.refuse_guard_ddl() CASCADE',
      'DROP SCHEMA directory CASCADE',
      'DROP SCHEMA custodia CASCADE',
    ]
    for (const statement of statements) {
      said.length = 0
      await t.rejects(client.query(statement), denied, statement)
      t.match(said.join(), /refused: .* by postgres/, `${statement}: is said to the log`)
    }
    t.same(await definition(), before, 'nothing is altered')

    await t.test('what it does not concern goes on', async (t) => {
      for (const statement of [
        'CREATE TABLE public.mine (id int)',
        'CREATE TEMP TABLE event (id int)',
        'CREATE INDEX ON app.contact (source)',
        'REINDEX TABLE app.contact',
        'DROP TABLE public.mine',
        'VACUUM audit.event',
        'ANALYZE audit.event',
        'SELECT audit.make_partitions(7)',
      ])
        await t.resolves(client.query(statement), statement)
    })
    await t.test('whoever says so alters them, for as long as it is said', async (t) => {
      await client.query(
        `BEGIN; SET LOCAL custodia.audit_ddl = 'on'; CREATE INDEX mine ON audit.event (request_id); DROP INDEX audit.mine; COMMIT`,
      )
      await t.rejects(client.query('CREATE INDEX mine ON audit.event (request_id)'), denied)
    })
    await t.test('the application, which owns nothing, gains nothing by saying so', async (t) => {
      const app = await appClient(t, service)
      await app.query(`SET custodia.audit_ddl = 'on'`)
      for (const statement of statements)
        await t.rejects(app.query(statement), { code: /42501|2BP01|42883/ }, statement)
    })
  },
)

interface Tap {
  teardown(end: () => Promise<void>): unknown
}
