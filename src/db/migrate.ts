import { readdir, readFile } from 'node:fs/promises'
import { runMigrations } from 'graphile-worker'
import pg from 'pg'
import type { Keyring } from '../privacy/keyring.ts'
import { renewEpoch } from './epoch.ts'
import { vouchForIndexes } from './leakproof.ts'

export interface MigrateOptions {
  /** A login that may create schemas, and roles unless `appUrl` is given. */
  ownerUrl: string
  /** The application's login, where the database's administrator made it. */
  appUrl: string | null
  keyring: Keyring
  /** The folder of numbered SQL files. */
  folder: URL
  log: { info: (fields: object, message: string) => void; warn: (fields: object, message: string) => void }
}

const lockKey = 7_238_114_002
/** What the audit consists of is altered by migrations only: see directory.refuse_audit_ddl. */
const mayDefine = `SET LOCAL custodia.audit_ddl = 'on'`

/**
 * Brings the database up to date and gives back the application's URL. Safe to run by several processes at once: one
 * works, the others wait for its lock. Each file runs in a transaction of its own, once.
 */
export async function migrate({ ownerUrl, appUrl, keyring, folder, log }: MigrateOptions): Promise<string> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'custodia-migrate',
    connectionTimeoutMillis: 10_000,
  })
  await client.connect()
  try {
    const version = Number(
      (await client.query<{ v: string }>(`SELECT current_setting('server_version_num') AS v`)).rows[0]?.v,
    )
    if (version < 150_000) throw new Error(`PostgreSQL 15 or newer is needed, this is ${version}`)
    await client.query('SELECT pg_advisory_lock($1)', [lockKey])
    try {
      await prerequisites(client, appUrl)
      const known = await client.query<{ name: string }>('SELECT name FROM custodia.migration')
      const done = new Set(known.rows.map((row) => row.name))
      await queueTables(ownerUrl)
      const files = (await readdir(folder)).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort()
      for (const name of files) {
        if (done.has(name)) continue
        const text = await readFile(new URL(name, folder), 'utf8')
        await inTransaction(client, async () => {
          await client.query(mayDefine)
          await client.query(text)
          await client.query('INSERT INTO custodia.migration (name) VALUES ($1)', [name])
        })
        log.info({ migration: name }, 'migration applied')
      }
      const app = await applicationLogin(client, ownerUrl, appUrl, keyring)
      await loginSettings(client, app.user, log)
      await guardDefinitions(client, log)
      await vouchForIndexes(client, log)
      await inTransaction(client, async () => {
        await client.query(mayDefine)
        await renewEpoch(client)
        await client.query('SELECT audit.make_partitions()')
        await client.query(`SELECT set_config('custodia.login', $1, true)`, [app.user])
        await client.query(await readFile(new URL('grants.sql', folder), 'utf8'))
      })
      return app.url
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [lockKey])
    }
  } finally {
    await client.end()
  }
}

/** The job queue brings its own. A connection of its pool that is lost while it closes is nobody's concern any more. */
async function queueTables(ownerUrl: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 1, connectionTimeoutMillis: 10_000 })
  const ignore = (): void => {}
  pool.on('error', ignore)
  pool.on('connect', (client) => void client.on('error', ignore))
  try {
    await runMigrations({ pgPool: pool })
  } finally {
    await pool.end()
  }
}

const extensions = ['pg_trgm', 'unaccent', 'btree_gin']

/**
 * What the login of a hosted database may lack, said before anything is made; then the record of migrations, in a schema
 * of its own, since public is closed to whoever does not own the database.
 */
async function prerequisites(client: pg.Client, appUrl: string | null): Promise<void> {
  const { rows } = await client.query<{
    login: string
    database: string
    creates: boolean
    roles: boolean
    made: boolean
  }>(
    `SELECT current_user AS login, current_database() AS database, has_database_privilege(current_database(), 'CREATE') AS creates,
            (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user) AS roles,
            to_regclass('custodia.migration') IS NOT NULL AS made`,
  )
  const { login, database, creates, roles, made } = rows[0] ?? {}
  if (made) return
  if (!creates)
    throw new Error(
      `the login of DATABASE_URL may not create schemas in the database; let its administrator run: GRANT CREATE ON DATABASE ${database} TO ${login}`,
    )
  if (!appUrl && !roles)
    throw new Error(
      'the login of DATABASE_URL may not create roles; give it CREATEROLE, or make a login for the service and name it in DATABASE_APP_URL',
    )
  for (const name of extensions)
    await client.query(`CREATE EXTENSION IF NOT EXISTS ${name}`).catch((cause: unknown) => {
      throw new Error(
        `the database needs the extension ${name}, and the login of DATABASE_URL cannot install it; let its administrator run: CREATE EXTENSION ${name}`,
        { cause },
      )
    })
  await client.query(
    'CREATE SCHEMA custodia; CREATE TABLE custodia.migration (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
  )
}

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN')
  try {
    await work()
    const { command } = await client.query('COMMIT')
    if (command !== 'COMMIT') throw new Error(`COMMIT answered ${command}`)
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

/** The login under which the service works: owns nothing, no BYPASSRLS. Named after the database, its password derived from the master key. */
async function applicationLogin(
  client: pg.Client,
  ownerUrl: string,
  appUrl: string | null,
  keyring: Keyring,
): Promise<{ user: string; url: string }> {
  if (appUrl) {
    const user = decodeURIComponent(new URL(appUrl).username)
    if ((await isHarmless(client, user)) !== true)
      throw new Error(
        `the login of DATABASE_APP_URL (${user}) must exist, without SUPERUSER and BYPASSRLS, and must not be that of DATABASE_URL or a member of it`,
      )
    return { user, url: appUrl }
  }
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name')
  const database = rows[0]?.name ?? ''
  const user = `${database.slice(0, 50)}_app`
  const password = keyring.derive(`database-login/${database}`).toString('hex')
  const harmless = await isHarmless(client, user)
  if (harmless === false) throw new Error(`the role ${user} exists with rights that the service must not have`)
  const name = pg.escapeIdentifier(user)
  const secret = `PASSWORD ${pg.escapeLiteral(password)}`
  // Only a superuser may so much as name SUPERUSER or REPLICATION when it alters a role.
  await client.query(
    harmless
      ? `ALTER ROLE ${name} LOGIN ${secret}`
      : `CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT ${secret}`,
  )
  await client.query(`REVOKE CONNECT ON DATABASE ${pg.escapeIdentifier(database)} FROM PUBLIC`)
  await client.query(`GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database)} TO ${name}`)
  const url = new URL(ownerUrl)
  url.username = encodeURIComponent(user)
  url.password = password
  return { user, url: url.href }
}

/** Whether a role is bound by row-level security and by the grants; null when there is no such role. */
async function isHarmless(client: pg.Client, role: string): Promise<boolean | null> {
  const { rows } = await client.query<{ harmless: boolean }>(
    `SELECT NOT (rolsuper OR rolbypassrls OR pg_has_role(oid, current_user, 'MEMBER')) AS harmless FROM pg_roles WHERE rolname = $1`,
    [role],
  )
  return rows[0]?.harmless ?? null
}

/**
 * What every session of the login has from the start. Not set by the sessions themselves: a pooler in transaction mode
 * refuses such start-up parameters, and SET in each transaction would cost time.
 */
async function loginSettings(client: pg.Client, user: string, log: MigrateOptions['log']): Promise<void> {
  const settings = { TimeZone: 'UTC', statement_timeout: '30s', idle_in_transaction_session_timeout: '60s', jit: 'off' }
  for (const [name, value] of Object.entries(settings)) {
    const statement = `ALTER ROLE ${pg.escapeIdentifier(user)} SET ${name} = ${pg.escapeLiteral(value)}`
    try {
      await client.query(statement)
    } catch (error) {
      log.warn({ err: error, setting: name }, 'the login’s settings could not be set; the administrator should')
    }
  }
}

/**
 * A superuser's DDL could take the audit's guards away: event triggers refuse that where the owner may create them. It
 * can still be done by whoever says so, by custodia.audit_ddl = 'on'.
 */
async function guardDefinitions(client: pg.Client, log: MigrateOptions['log']): Promise<void> {
  // Somebody has switched them off, which is theirs to do, and may have forgotten it.
  const { rows } = await client.query<{ guard: string }>(
    `SELECT evtname AS guard FROM pg_event_trigger WHERE evtname LIKE 'custodia_%' AND evtenabled IN ('D', 'R')
     UNION ALL SELECT tgname || ' on ' || tgrelid::regclass FROM pg_trigger
      WHERE tgfoid IN ('audit.refuse()'::regprocedure, 'audit.demand_event()'::regprocedure) AND tgenabled IN ('D', 'R')`,
  )
  if (rows.length > 0) log.warn({ guards: rows.map(({ guard }) => guard) }, 'guards of the audit are switched off')
  const exists = await client.query(`SELECT FROM pg_event_trigger WHERE evtname = 'custodia_audit_drops'`)
  if (exists.rowCount) return
  try {
    await client.query(`
      CREATE EVENT TRIGGER custodia_audit_drops ON sql_drop EXECUTE FUNCTION directory.refuse_audit_ddl();
      CREATE EVENT TRIGGER custodia_audit_definitions ON ddl_command_end EXECUTE FUNCTION directory.refuse_audit_ddl();
      CREATE EVENT TRIGGER custodia_guard_drops ON sql_drop EXECUTE FUNCTION custodia.refuse_guard_ddl();
      CREATE EVENT TRIGGER custodia_guard_definitions ON ddl_command_end EXECUTE FUNCTION custodia.refuse_guard_ddl();`)
  } catch (error) {
    log.warn(
      { err: error },
      'the database owner may not create event triggers: altering and dropping audit objects is not refused by the database',
    )
  }
}
