import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, InjectOptions } from 'fastify'
import pg from 'pg'
import type { Logger } from 'pino'
import { buildApp } from '../../src/app.ts'
import { createHttpClient } from '../../src/channels/http-client.ts'
import { type Config, parseConfig } from '../../src/config.ts'
import type { Database } from '../../src/db/database.ts'
import { startWorker } from '../../src/delivery/worker.ts'
import { createLog } from '../../src/log.ts'
import { tenantCreate } from '../../src/resources/tenants/create.ts'
import { openDatabase } from '../../src/start.ts'
import { preparedDatabase } from './database.ts'

export const ownerEmail = 'owner@example.com'
export const password = 'a-password-of-tests-1'

export interface TestServiceOptions {
  /** Settings as in the environment, over those of the tests. */
  env?: Record<string, string>
  /** Listen on a port of the loopback; `url` is empty otherwise. */
  listen?: boolean
  /** Run the background jobs too. */
  worker?: boolean
  /** Gives the address by which the service reaches its database: a wire that fails, a pooler. */
  through?: (databaseUrl: string) => Promise<string>
}

const isSeed = (text: string): boolean => /^\s*(INSERT INTO|UPDATE|DELETE FROM) app\./.test(text)
const seeding = 'BEGIN; SET LOCAL session_replication_role = replica'

/** A record in an answer. */
export type Row = { id: string } & Record<string, unknown>

/** An answer, with its usual parts at hand: each of them throws when it is not there. */
export class Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string

  constructor(status: number, headers: Readonly<Record<string, string | undefined>>, text: string) {
    this.status = status
    this.headers = headers
    this.text = text
  }

  get body(): Record<string, unknown> {
    const body: unknown = JSON.parse(this.text)
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>
    throw new Error(`not an object: ${this.text}`)
  }

  get id(): string {
    return this.string('id')
  }

  /** The code of a problem. */
  get code(): string {
    return this.string('code')
  }

  /** The records of a list. */
  get data(): Row[] {
    const { data } = this.body
    if (Array.isArray(data)) return data
    throw new Error(`not a list: ${this.text}`)
  }

  /** A member that is a text. */
  string(name: string): string {
    const value = this.body[name]
    if (typeof value === 'string') return value
    throw new Error(`no ${name} in ${this.text}`)
  }
}

export interface RequestOptions {
  /** Sent as JSON, a string or Buffer as it is. */
  body?: unknown
  /** Left out: the owner's. null: none. */
  token?: string | null
  headers?: Record<string, string>
}

export interface TestMember {
  id: string
  email: string
  token: string
  refreshToken: string
}

export interface TestService {
  app: FastifyInstance
  /** Where it listens; see `listen`. */
  url: string
  db: Database
  config: Config
  /** The superuser's login to the service's database. */
  ownerUrl: string
  tenantId: string
  ownerId: string
  ownerToken: string
  log: Logger
  /** Everything logged so far, a JSON line each. */
  logs: string[]
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>
  /** Makes a member of the tenant of `token`, and a session. Roles by name or id; more of the body in `extra`. */
  member(roles: string | readonly string[], extra?: Record<string, unknown>, token?: string): Promise<TestMember>
  /** Makes a role of these grants and gives back its id. */
  role(grants: readonly unknown[], token?: string): Promise<string>
  /** Another tenant with its owner. */
  tenant(ownerEmail?: string): Promise<{ tenantId: string; ownerId: string; ownerToken: string }>
  login(email: string, tenant?: string): Promise<{ token: string; refreshToken: string }>
  /**
   * Asks the database as its superuser, whom row-level security does not bind; for inspection. What changes a tenant's
   * rows is a seed: the guards that demand an audit event for it are switched off, and foreign keys with them.
   */
  sql<Found extends pg.QueryResultRow = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Found[]>
  /** Runs a statement in a transaction of its own that stays open, with its locks, until it is released. */
  hold(text: string): Promise<{ release(): Promise<void> }>
  /** Resolves when a statement of the service waits for a lock. */
  waiting(): Promise<void>
  /** Ends it before the test does. */
  stop(): Promise<void>
}

/**
 * The whole service on a database of its own, with one tenant and its owner; every answer is held against its schema.
 * It goes when the test has ended. Takes about a third of a second.
 */
export async function startTestService(
  t: { teardown(end: () => Promise<void>): unknown },
  { env = {}, listen = false, worker = false, through }: TestServiceOptions = {},
): Promise<TestService> {
  const database = await preparedDatabase(t)
  const dataDir = mkdtempSync(join(tmpdir(), 'custodia-service-'))
  const config = parseConfig(
    {
      DATABASE_URL: through ? await through(database.url) : database.url,
      DATA_DIR: dataDir,
      MASTER_KEY: randomBytes(32).toString('base64'),
      PORT: '0',
      PUBLIC_URL: 'http://hub.test',
      RATE_LIMIT_PER_MINUTE: '0',
      OUTBOUND_ALLOW_PRIVATE: 'true',
      LOG_LEVEL: 'trace',
      LOG_PRETTY: 'false',
      ...env,
    },
    dataDir,
  )
  const logs: string[] = []
  const log = createLog(
    config,
    false,
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        logs.push(chunk.toString())
        done()
      },
    }),
  )
  const { db, ownerUrl } = await openDatabase(config, log, new URL('../../migrations/', import.meta.url))
  const inspect = new pg.Pool({ connectionString: database.url, max: 4 })
  inspect.on('error', () => {})
  const app = await buildApp({ config, db, log, checkAnswers: true })
  const http = createHttpClient({ allowPrivate: config.outboundAllowPrivate })
  const working = worker
    ? startWorker({ db, http, config, log, ownerUrl, concurrency: config.workerConcurrency })
    : null
  const url = listen ? await app.listen({ host: '127.0.0.1', port: 0 }) : ''

  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await Promise.all([app.close(), working?.stop()])
      await http.close()
      await db.close()
      await inspect.end()
      rmSync(dataDir, { recursive: true, force: true })
    })()
    return stopped
  }
  t.teardown(stop)

  const sql = async <Found extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<Found[]> => {
    if (!isSeed(text)) return (await inspect.query<Found>(text, [...values])).rows
    const client = await inspect.connect()
    try {
      await client.query(seeding)
      const { rows } = await client.query<Found>(text, [...values])
      await client.query('COMMIT')
      return rows
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }

  const first = await tenantCreate(db, { name: 'Test', ownerEmail, ownerPassword: password })
  let ownerToken = ''

  const request = async (
    method: string,
    path: string,
    { body, token = ownerToken, headers = {} }: RequestOptions = {},
  ): Promise<Answer> => {
    const raw = typeof body === 'string' || Buffer.isBuffer(body)
    const answer = await app.inject({
      method: method as InjectOptions['method'] & string,
      url: path,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: raw ? body : JSON.stringify(body) }),
    })
    return new Answer(answer.statusCode, answer.headers as Record<string, string | undefined>, answer.body)
  }

  const expect = async (status: number, method: string, path: string, options: RequestOptions): Promise<Answer> => {
    const answer = await request(method, path, options)
    if (answer.status !== status) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`)
    return answer
  }

  const login: TestService['login'] = async (email, tenant) => {
    const body = { email, password, ...(tenant ? { tenant } : {}) }
    const session = await expect(201, 'POST', '/v1/sessions', { token: null, body })
    return { token: session.string('accessToken'), refreshToken: session.string('refreshToken') }
  }

  ownerToken = (await login(ownerEmail)).token

  return {
    app,
    url,
    db,
    config,
    ownerUrl: database.url,
    tenantId: first.tenantId,
    ownerId: first.ownerId,
    ownerToken,
    log,
    logs,
    request,
    login,
    sql,
    hold: async (text) => {
      const client = await inspect.connect()
      await client.query(isSeed(text) ? seeding : 'BEGIN')
      await client.query(text)
      return {
        release: async () => {
          await client.query('COMMIT')
          client.release()
        },
      }
    },
    waiting: async () => {
      const locks = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      for (let tries = 0; (await sql(locks)).length === 0; tries++) {
        if (tries > 1000) throw new Error('nothing waits for a lock')
        await sleep(5)
      }
    },
    stop,
    member: async (roles, extra = {}, token = ownerToken) => {
      const names = typeof roles === 'string' ? [roles] : roles
      const all = (await expect(200, 'GET', '/v1/roles?limit=200', { token })).data
      const roleIds = names.map((name) => {
        const role = all.find((one) => one.name === name || one.id === name)
        if (!role) throw new Error(`there is no role ${name}`)
        return role.id
      })
      const body = { email: `member-${randomUUID()}@example.com`, displayName: 'A member', password, roleIds, ...extra }
      const made = await expect(201, 'POST', '/v1/members', { token, body })
      return { id: made.id, email: body.email, ...(await login(body.email)) }
    },
    role: async (grants, token = ownerToken) =>
      (await expect(201, 'POST', '/v1/roles', { token, body: { name: `role ${randomUUID()}`, grants } })).id,
    tenant: async (email = `owner-${randomUUID()}@example.com`) => {
      const made = await tenantCreate(db, { name: 'Another', ownerEmail: email, ownerPassword: password })
      return { ...made, ownerToken: (await login(email, made.tenantId)).token }
    },
  }
}
