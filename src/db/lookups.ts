import type pg from 'pg'
import type { Keyring, TenantKeys } from '../privacy/keyring.ts'
import type { Connections } from './connections.ts'
import { compile, type SQL, sql } from './sql.ts'
import { KnownKeys, type TenantKeyring } from './tenant-keys.ts'
import { beginFor } from './transaction.ts'

interface Home {
  tenantId: string
  region: string
}

/** What the service reads for itself, before there is a principal or to find out whether there is one: unaudited. */
export class Lookups {
  readonly #connections: Connections
  readonly #keys: KnownKeys

  constructor(connections: Connections, keyring: Keyring) {
    this.#connections = connections
    this.#keys = new KnownKeys(keyring)
  }

  /** The tenant's keys; read inside the first transaction that needs them, then kept. */
  keys(tenantId: string): TenantKeyring {
    return this.#keys.of(tenantId)
  }

  /** Remembers a tenant's wrapped key that came along with something else. */
  learn(tenantId: string, wrapped: Buffer): void {
    this.#keys.learn(tenantId, wrapped)
  }

  /** The tenant's keys, read from the database when they are not known yet. */
  async tenantKeys(tenant: Home): Promise<TenantKeys> {
    const keys = this.keys(tenant.tenantId)
    if (!keys.known)
      await this.bare(tenant, async (client) => {
        await keys.load(async (statement) => (await run(client, statement)).rows as { wrapped_key: Buffer }[])
      })
    return keys.now()
  }

  /** Calls one of the directory's functions, which are all that may run before a tenant is known. */
  async directory<T>(call: SQL): Promise<T[]> {
    return this.#connections.use(null, async (client) => (await run(client, sql`SELECT * FROM ${call}`)).rows as T[])
  }

  async rows<T>(tenant: Home, statement: SQL): Promise<T[]> {
    return this.bare(tenant, async (client) => (await run(client, statement)).rows as T[])
  }

  /** Every tenant, for the service's own work. */
  async tenants(): Promise<Home[]> {
    const rows = await this.directory<{ tenant_id: string; region: string }>(sql`directory.tenants()`)
    return rows.map((row) => ({ tenantId: row.tenant_id, region: row.region }))
  }

  /** Work in a transaction that sees the tenant's rows and leaves nothing behind. */
  async bare<T>({ tenantId, region }: Home, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#connections.use(region, async (client) => {
      await client.query(beginFor(tenantId, '*', 'READ ONLY'))
      try {
        return await work(client)
      } finally {
        await client.query('ROLLBACK')
      }
    })
  }
}

async function run(client: pg.PoolClient, statement: SQL): Promise<pg.QueryResult> {
  const { text, params } = compile(statement)
  return client.query(text, [...params])
}
