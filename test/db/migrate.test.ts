import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { migrate } from '../../src/db/migrate.ts'
import { Keyring } from '../../src/privacy/keyring.ts'
import { type FreshDatabase, freshDatabase, migratedDatabase, migrations, silent } from '../harness/database.ts'

type Teardown = { teardown(end: () => Promise<void>): unknown }

async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Everything that defines the database: relations, columns, constraints, policies, functions, triggers and who may what. */
const definition = (url: string): Promise<Record<string, unknown>[]> =>
  ask(
    url,
    `SELECT 'relation' AS kind, c.oid::regclass::text AS name, c.relacl::text AS acl, c.relrowsecurity::text || c.relforcerowsecurity::text AS body
       FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('app', 'audit', 'directory', 'public', 'graphile_worker')
     UNION ALL SELECT 'column', a.attrelid::regclass || '.' || a.attname, a.attacl::text, format_type(a.atttypid, a.atttypmod) || a.attnotnull
       || coalesce((SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum), '')
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace::regnamespace::text IN ('app', 'audit', 'directory') AND a.attnum > 0
     UNION ALL SELECT 'function', p.oid::regprocedure::text, p.proacl::text, pg_get_functiondef(p.oid)
       FROM pg_proc p WHERE p.pronamespace::regnamespace::text IN ('app', 'audit', 'directory')
     UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, NULL, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace::regnamespace::text IN ('app', 'audit', 'directory')
     UNION ALL SELECT 'policy', polrelid::regclass || '.' || polname, NULL, pg_get_expr(polqual, polrelid) FROM pg_policy
     UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger
     UNION ALL SELECT 'event trigger', evtname, evtenabled::text, evtfoid::regproc::text FROM pg_event_trigger
     UNION ALL SELECT 'schema', nspname, nspacl::text, NULL FROM pg_namespace WHERE nspname !~ '^pg_(temp|toast)'
     UNION ALL SELECT 'database', datname, datacl::text, NULL FROM pg_database WHERE datname = current_database()
     UNION ALL SELECT 'migration', name, NULL, applied_at::text FROM custodia.migration
     UNION ALL SELECT 'epoch', epoch::text, NULL, system_id FROM directory.installation
     ORDER BY 1, 2, 3, 4`,
  )

t.test('a second start changes nothing', async (t) => {
  const { url, keyring, appUrl } = await migratedDatabase(t)
  const before = await definition(url)
  t.ok(before.length > 500)
  t.equal(await migrate({ ownerUrl: url, appUrl: null, keyring, folder: migrations, log: silent }), appUrl)
  t.same(await definition(url), before)
  t.ok(await ask(appUrl, 'SELECT 1'), 'the login works as before')
})

t.test('four processes may start at once on an empty database', async (t) => {
  const { url } = await freshDatabase(t)
  const source = join(import.meta.dirname, '../../src')
  const script = `
    import { migrate } from '${source}/db/migrate.ts'
    import { Keyring } from '${source}/privacy/keyring.ts'
    const [ownerUrl, folder] = process.argv.slice(1)
    const log = { info() {}, warn: (fields, message) => console.log(message) }
    console.log(await migrate({ ownerUrl, appUrl: null, keyring: new Keyring(Buffer.alloc(32, 7)), folder: new URL(folder), log }))`
  const run = async (): Promise<string> => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, url, migrations.href], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
    const [code] = await once(child, 'close')
    return `${code} ${said}`
  }
  const ends = await Promise.all([run(), run(), run(), run()])
  for (const end of ends) t.match(end, /^0 postgres(ql)?:\/\/\S+_app:\S+\n$/)
  t.equal(new Set(ends).size, 1, 'all found the same login')
  const files = readdirSync(migrations).filter((name) => /^\d{4}_/.test(name)).length
  t.same(await ask(url, 'SELECT count(*)::int AS n, count(DISTINCT name)::int AS names FROM custodia.migration'), [
    { n: files, names: files },
  ])
})

/** A login to own the database that is no superuser, as hosted databases give it; with what `grants` says. */
async function plainOwner(t: Teardown, options: string, grants: (name: string, database: string) => string) {
  const database = await freshDatabase(t)
  const name = `${database.name}_owner`
  const password = randomBytes(8).toString('hex')
  await ask(database.url, `CREATE ROLE ${name} LOGIN ${options} PASSWORD '${password}'`)
  await ask(database.url, grants(name, database.name))
  t.teardown(() => forget(database, name))
  const url = new URL(database.url)
  url.username = name
  url.password = password
  return { database, ownerUrl: url.href, keyring: new Keyring(randomBytes(32)) }
}

async function forget(database: FreshDatabase, name: string): Promise<void> {
  await ask(database.url, `REASSIGN OWNED BY ${name} TO postgres; DROP OWNED BY ${name}`)
}

const warnings = () => {
  const said: string[] = []
  return { said, log: { info: () => {}, warn: (_fields: object, message: string) => void said.push(message) } }
}

t.test('an owner that is no superuser will do', async (t) => {
  const ways: [string, string, (name: string, database: string) => string][] = [
    ['it owns the database', 'CREATEROLE', (name, database) => `ALTER DATABASE ${database} OWNER TO ${name}`],
    [
      'it may create in the database',
      'CREATEROLE',
      (name, database) => `GRANT CREATE ON DATABASE ${database} TO ${name}`,
    ],
  ]
  for (const [how, options, grants] of ways)
    await t.test(how, async (t) => {
      const { ownerUrl, keyring } = await plainOwner(t, options, grants)
      const { said, log } = warnings()
      const appUrl = await migrate({ ownerUrl, appUrl: null, keyring, folder: migrations, log })
      t.match(said, [/may not create event triggers/])
      t.same(await ask(appUrl, 'SELECT count(*)::int AS n FROM app.contact'), [{ n: 0 }])
      t.equal(await migrate({ ownerUrl, appUrl: null, keyring, folder: migrations, log }), appUrl, 'a second start')
      t.same(await ask(appUrl, 'SELECT count(*)::int AS n FROM app.contact'), [{ n: 0 }])
      await t.rejects(ask(ownerUrl, 'TRUNCATE audit.event'), { code: '42501' }, 'its own audit is closed to it')
      t.same(await ask(ownerUrl, 'SELECT * FROM app.tenant'), [], 'row-level security binds it')
    })

  await t.test('with a login that the administrator made, it needs not even make roles', async (t) => {
    const { ownerUrl, keyring, database } = await plainOwner(
      t,
      '',
      (name, all) => `ALTER DATABASE ${all} OWNER TO ${name}`,
    )
    const login = `${database.name}_given`
    await ask(database.url, `CREATE ROLE ${login} LOGIN PASSWORD 'given'`)
    const given = new URL(database.url)
    given.username = login
    given.password = 'given'
    const appUrl = given.href
    for (const start of ['first', 'second'])
      t.equal(await migrate({ ownerUrl, appUrl, keyring, folder: migrations, log: silent }), appUrl, `${start} start`)
    t.same(await ask(appUrl, 'SELECT count(*)::int AS n FROM app.contact'), [{ n: 0 }])
    await t.rejects(ask(appUrl, 'SELECT * FROM directory.login'), { code: '42501' })
  })

  await t.test('one that may not create says so, and what is needed', async (t) => {
    const { ownerUrl, keyring } = await plainOwner(t, 'CREATEROLE', () => 'SELECT 1')
    await t.rejects(
      migrate({ ownerUrl, appUrl: null, keyring, folder: migrations, log: silent }),
      /DATABASE_URL may not create schemas .*GRANT CREATE ON DATABASE/,
    )
  })

  await t.test('one that may not make roles says so, and what is needed', async (t) => {
    const { ownerUrl, keyring } = await plainOwner(t, '', (name, all) => `ALTER DATABASE ${all} OWNER TO ${name}`)
    await t.rejects(
      migrate({ ownerUrl, appUrl: null, keyring, folder: migrations, log: silent }),
      /DATABASE_URL may not create roles.*DATABASE_APP_URL/,
    )
  })
})

t.test('a start says which guards of the audit are switched off', async (t) => {
  const { url: ownerUrl, keyring } = await migratedDatabase(t)
  await ask(
    ownerUrl,
    `SET custodia.audit_ddl = 'on'; ALTER TABLE app.tag DISABLE TRIGGER recorded; ALTER EVENT TRIGGER custodia_audit_drops DISABLE`,
  )
  const guards: unknown[] = []
  const log = { info: () => {}, warn: (fields: object) => void guards.push(fields) }
  await migrate({ ownerUrl, appUrl: null, keyring, folder: migrations, log })
  t.same(guards, [{ guards: ['custodia_audit_drops', 'recorded on app.tag'] }])
})

t.test('a login that could go around row-level security is refused', async (t) => {
  const { url, keyring, name } = await migratedDatabase(t)
  for (const [suffix, options, words] of [
    ['super', 'SUPERUSER', /without SUPERUSER and BYPASSRLS/],
    ['bypass', 'BYPASSRLS', /without SUPERUSER and BYPASSRLS/],
    ['absent', null, /must exist/],
  ] as const) {
    const login = `${name}_${suffix}`
    if (options) await ask(url, `CREATE ROLE ${login} LOGIN ${options} PASSWORD 'x'`)
    const given = new URL(url)
    given.username = login
    given.password = 'x'
    await t.rejects(migrate({ ownerUrl: url, appUrl: given.href, keyring, folder: migrations, log: silent }), words)
  }
  await t.rejects(
    migrate({ ownerUrl: url, appUrl: url, keyring, folder: migrations, log: silent }),
    /must exist, without SUPERUSER/,
    'the owner itself',
  )
})
