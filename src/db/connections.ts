import pg from 'pg'
import { Problem } from '../errors.ts'
import { connectionSeconds } from './prepared.ts'

// Rows come as text that our own code understands; dates and times stay the strings that PostgreSQL wrote.
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') => {
    if (oid === pg.types.builtins.DATE || oid === pg.types.builtins.TIMESTAMPTZ) return String
    if (oid === pg.types.builtins.INT8) return Number
    return pg.types.getTypeParser(oid, format as 'text')
  }) as pg.CustomTypesConfig['getTypeParser'],
}

/** Signs of a server that is away or going, as against a fault of the statement. */
const awayCodes = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '25006',
  '53100',
  '53200',
  '58030',
  '40001',
  '40P01',
  '55P03',
  '57014',
])

/**
 * The pools, found by region. One region today; a query never knows which. Clients pipeline: statements that do not
 * need each other's results travel together.
 */
export class Connections {
  readonly #pool: pg.Pool

  constructor(url: string, size: number, onError: (error: Error) => void) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: size,
      application_name: 'custodia',
      connectionTimeoutMillis: 5_000,
      idleTimeoutMillis: 60_000,
      maxLifetimeSeconds: connectionSeconds,
      keepAlive: true,
      types,
      pipeline: true,
    } as pg.PoolConfig)
    this.#pool.on('error', onError)
  }

  /** Lends a connection. One that failed in a way that leaves its state unknown is thrown away. */
  async use<T>(_region: string | null, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient
    try {
      client = await this.#pool.connect()
    } catch (cause) {
      throw new Problem('unavailable', { cause, headers: { 'retry-after': '1' } })
    }
    let broken = false
    const onError = (): void => {
      broken = true
    }
    client.on('error', onError)
    try {
      return await work(client)
    } catch (error) {
      if (isAway(error)) {
        broken = true
        throw new Problem('unavailable', { cause: error, headers: { 'retry-after': '1' } })
      }
      throw error
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }

  async ping(timeoutMs: number): Promise<void> {
    const timeout = AbortSignal.timeout(timeoutMs)
    await Promise.race([
      this.use(null, (client) => client.query('SELECT 1')),
      new Promise((_, reject) =>
        timeout.addEventListener('abort', () => reject(new Error('the database does not answer'))),
      ),
    ])
  }

  get pressure(): { total: number; idle: number; waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount }
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }
}

interface Corkable {
  cork(): void
  uncork(): void
}

/**
 * Sends several statements in one write instead of one each: a third of the service's time on a small read went into
 * the socket. pg does the same within a statement; its stream is reached where pg-cursor and others reach it.
 */
export function oneWrite<T>(client: pg.PoolClient, send: () => T): T {
  const stream = (client as { connection?: { stream?: Partial<Corkable> } }).connection?.stream
  stream?.cork?.()
  try {
    return send()
  } finally {
    stream?.uncork?.()
  }
}

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return awayCodes.has(code) || /Connection terminated|connection error|not queryable/i.test(error.message)
}
