import { randomUUID } from 'node:crypto'
import t from 'tap'
import { countOf, directSql, met } from './direct-sql-world.ts'
import { rowsOf } from './filled-tables.ts'

const denied = { code: '42501' }

t.test('what a function of the login’s own is given are rows that it may see', async (t) => {
  const { service, north, south, theirs, theirSouth, tables, app, told, set } = await directSql(t)
  await service.sql(`CREATE TABLE public.open_to_all (word text); INSERT INTO public.open_to_all SELECT 'quokka-control' FROM generate_series(1, 20);
    GRANT SELECT ON public.open_to_all TO PUBLIC; ANALYZE public.open_to_all`)
  await app.query(`CREATE FUNCTION pg_temp.peek(a text, b text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'peek % %', a, b; RETURN true; END $$;
    CREATE FUNCTION pg_temp.same(a uuid, b uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE OPERATOR pg_temp.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.peek, RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
    CREATE OPERATOR pg_temp.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = pg_temp.same, RESTRICT = eqsel);
    CREATE TEMP TABLE contact AS SELECT gen_random_uuid() AS tenant_id`)
  await app.query(`EXPLAIN SELECT FROM public.open_to_all WHERE word OPERATOR(pg_temp.<<<) 'x'`)
  t.match(told.join(), /quokka-control/, 'the planner would ask it about the values that it has counted')
  told.length = 0
  const askEverywhere = async (strange: (hasUnit: boolean) => RegExp): Promise<number> => {
    let asked = 0
    for (const { name, columns, hasUnit } of tables) {
      // Of what is indexed as an expression the planner has counted the values too.
      const indexed = await service.sql<{ text: string }>(
        `SELECT '(' || pg_get_indexdef(x.indexrelid, k.n::int, true) || ')' AS text FROM pg_index x, unnest(x.indkey) WITH ORDINALITY AS k(attribute, n)
          WHERE x.indrelid = '${name}'::regclass AND k.attribute = 0`,
      )
      const plain = columns.map((column) => (column.type === 'text' ? column.name : `${column.name}::text`))
      for (const text of [...plain, ...indexed.map((one) => `${one.text}::text`)])
        for (const where of [
          `${text} OPERATOR(pg_temp.<<<) 'x'`,
          `(${text} || 'x')::int = 1`,
          `1 / (length(${text}) - length(${text})) = 1`,
        ]) {
          await app.query(`EXPLAIN SELECT FROM ${name} WHERE ${where}`)
          const failed = (error: unknown): number => told.push(JSON.stringify(error))
          await app.query(`SELECT FROM ${name} WHERE ${where}`).catch(failed)
        }
      const joined = `${name} a JOIN ${name} b ON a.tenant_id::text OPERATOR(pg_temp.<<<) b.tenant_id::text`
      await app.query(`EXPLAIN SELECT FROM ${joined}`)
      t.same(
        told.filter((line) => strange(hasUnit).test(line)),
        [],
        name,
      )
      asked += told.length
      told.length = 0
    }
    return asked
  }
  await set(randomUUID())
  t.equal(await askEverywhere(() => /./), 0, 'with no row to see, nothing is asked and nothing fails')
  await set(north.tenantId, north.unitId)
  const theirIds = `${theirs.tenantId}|${theirs.unitId}|${theirs.mark}|${theirSouth.mark}`
  const asked = await askEverywhere((hasUnit) => new RegExp(hasUnit ? `${theirIds}|${south.mark}` : theirIds))
  t.ok(asked > 500, 'it is asked about the rows that may be seen')

  await set(north.tenantId, north.unitId)
  await app.query('SET search_path = pg_temp, app, audit, pg_catalog')
  for (const table of tables)
    t.equal(
      await met(app, `SELECT FROM ${table.name}`),
      await countOf(service, table, north.tenantId, north.unitId),
      table.name,
    )

  await t.test('a plan that is kept serves whoever is set now', async (t) => {
    await app.query(
      `SET plan_cache_mode = force_generic_plan; PREPARE all_of_them AS SELECT DISTINCT tenant_id FROM app.contact`,
    )
    for (const { tenantId } of [north, theirs, north]) {
      await app.query(`SET app.tenant = '${tenantId}'; SET app.all_units = 'on'`)
      t.same((await app.query('EXECUTE all_of_them')).rows, [{ tenant_id: tenantId }])
    }
    await app.query(`RESET app.tenant`)
    t.same((await app.query('EXECUTE all_of_them')).rows, [])
  })
})

t.test('what the database knows about tables tells the login nothing of their values', async (t) => {
  const { service, north, theirs, tables, app, set } = await directSql(t)
  await set(north.tenantId, '', 'on')
  for (const view of ['pg_stats', 'pg_stats_ext', 'pg_stats_ext_exprs'])
    t.same((await app.query(`SELECT * FROM ${view} WHERE schemaname IN ('app', 'audit', 'directory')`)).rows, [], view)
  const known = await service.sql(
    `SELECT FROM pg_stats WHERE schemaname = 'app' AND concat(most_common_vals, histogram_bounds) LIKE '%quokka%'`,
  )
  t.ok(known.length > 10, 'the database does know values')
  await service.request('POST', '/v1/contacts/search', {
    body: { q: 'quokka-secret', where: { eq: ['email', 'quokka-secret@example.com'] } },
  })
  const { rows } = await app.query<{ query: string }>(
    `SELECT query FROM pg_stat_activity WHERE application_name = 'custodia'`,
  )
  t.ok(rows.length > 0 && rows.some((row) => row.query !== ''), 'it sees what the service runs')
  t.notMatch(JSON.stringify(rows), /quokka/)
  const closed = await service.sql<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind IN ('r', 'p', 'v') AND relnamespace IN ('directory'::regnamespace, 'custodia'::regnamespace)`,
  )
  t.ok(closed.length > 6)
  for (const text of [
    ...[
      'pg_statistic',
      'pg_statistic_ext_data',
      'pg_authid',
      'pg_shadow',
      'pg_user_mapping',
      'pg_largeobject',
      'pg_hba_file_rules',
      'pg_file_settings',
    ].map((name) => `SELECT * FROM ${name}`),
    ...closed.map(({ name }) => `SELECT FROM ${name}`),
    ...[
      "pg_ls_dir('.')",
      "pg_read_binary_file('PG_VERSION')",
      "pg_stat_file('PG_VERSION')",
      "lo_import('/etc/passwd')",
      "lo_export(1, '/tmp/x')",
      'pg_ls_logdir()',
      'pg_reload_conf()',
      "set_config('log_statement', 'all', false)",
    ].map((call) => `SELECT ${call}`),
    `COPY app.contact TO '/tmp/x'`,
    `COPY app.tag FROM PROGRAM 'id'`,
    'SET SESSION AUTHORIZATION postgres',
    'SET ROLE pg_read_all_data',
    'ALTER ROLE CURRENT_USER BYPASSRLS',
    'ALTER ROLE CURRENT_USER SUPERUSER',
    'GRANT pg_read_all_data TO CURRENT_USER',
    'GRANT SELECT ON directory.login TO CURRENT_USER',
    'CREATE ROLE mine',
    `ALTER SYSTEM SET log_statement = 'all'`,
    `SET row_security = off; SELECT FROM app.contact`,
    'CREATE SCHEMA mine',
    'CREATE TABLE public.mine (id int)',
    'CREATE VIEW app.mine AS SELECT 1',
    'CREATE STATISTICS app.mine ON email, phone FROM app.contact',
    'CREATE INDEX ON app.contact (email)',
    'CREATE POLICY mine ON app.contact USING (true)',
    'CREATE TRIGGER mine AFTER INSERT ON app.contact EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'CREATE RULE mine AS ON INSERT TO app.contact DO ALSO NOTIFY mine',
    'CREATE PUBLICATION mine FOR TABLE app.contact',
    `CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION audit.refuse()`,
    'CREATE EXTENSION dblink',
    'CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE internal AS $$int4pl$$',
    'CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql LEAKPROOF AS $$SELECT 1$$',
    `COMMENT ON TABLE app.contact IS 'x'`,
    'ALTER TABLE app.contact OWNER TO CURRENT_USER',
  ])
    await t.rejects(app.query(text), denied, text)
  await app.query('RESET ALL')

  await t.test('and of what runs under the owner’s rights, nothing reaches another tenant', async (t) => {
    await set(north.tenantId, '', 'on')
    const routines = (
      await app.query<{ name: string; arguments: string[]; kind: string; definer: boolean; open: boolean }>(
        `SELECT p.oid::regproc::text AS name, p.prokind AS kind, p.prosecdef AS definer,
              ARRAY(SELECT format_type(a, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS u(a, n) ORDER BY n) AS arguments,
              EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0) AS open
         FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'graphile_worker') AND has_function_privilege(p.oid, 'EXECUTE')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') ORDER BY 1`,
      )
    ).rows
    t.same(
      routines.filter((one) => one.open || one.kind !== 'f' || !/^(app|audit|directory)\./.test(one.name)),
      [],
      'no procedure, nothing that is open to everybody',
    )
    const definers = routines.filter((one) => one.definer)
    t.ok(definers.length > 10, `${definers.length} of them`)
    const [known] = await service.sql<{ member: string; channel: string }>(
      `INSERT INTO directory.channel SELECT (SELECT id FROM app.channel WHERE tenant_id = $1 LIMIT 1), $1
       RETURNING channel_id AS channel, (SELECT member_id FROM directory.login WHERE tenant_id = $1) AS member`,
      [theirs.tenantId],
    )
    if (!known) throw new Error('the directory knows nobody')
    const listed = await service.sql<{ name: string }>(
      `SELECT attrelid::regclass::text AS name FROM pg_attribute WHERE attname = 'tenant_id' AND attrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'directory'::regnamespace)`,
    )
    t.ok(listed.length >= 3)
    const all = [...tables, ...listed]
    const before = await rowsOf(service, all, theirs.tenantId)
    for (const { name, arguments: types } of definers)
      for (const id of [theirs.tenantId, theirs.unitId, known.member, known.channel]) {
        const values: Record<string, string> = {
          uuid: `'${id}'::uuid`,
          text: `'${id}'::text`,
          integer: '0',
          bytea: `uuid_send('${id}')`,
          'text[]': `ARRAY['${id}']`,
          'jsonb[]': `ARRAY['{}'::jsonb]`,
          'timestamp with time zone': 'now()',
        }
        const text = `SELECT * FROM ${name}(${types.map((type) => values[type] ?? `NULL::${type}`)})`
        const answer = await app.query(text).then(
          ({ rows: found }) => JSON.stringify(found),
          (error: unknown) => JSON.stringify(error),
        )
        t.notMatch(answer, /quokka/, text)
      }
    t.same(await rowsOf(service, all, theirs.tenantId), before)
  })
})
