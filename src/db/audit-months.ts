import { randomUUIDv7 } from 'node:crypto'
import pg from 'pg'
import type { Models } from '../access/model.ts'
import { eventStatement, eventValues, touchedValues } from './audit-event.ts'
import { ownPrincipal } from './principals.ts'
import type { Place } from './sealed-tables.ts'
import { fill } from './sql.ts'
import { committed } from './transaction.ts'

interface Tenant {
  tenantId: string
  region: string
}

/** How long the audit may be waited for: whoever writes an event waits behind this. */
const lockTimeout = '5s'

/** "2025-01", as in the partition's name. */
const partition = (month: string): string => {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new Error('not a month')
  return `audit.event_${month.replace('-', '_')}`
}

/** The audit's months, each a partition; for the database's owner, who alone may drop one. */
export class AuditMonths {
  readonly #client: pg.Client
  readonly #models: Models

  private constructor(client: pg.Client, models: Models) {
    this.#client = client
    this.#models = models
  }

  static async open(ownerUrl: string, models: Models): Promise<AuditMonths> {
    const client = new pg.Client({ connectionString: ownerUrl, application_name: 'custodia-audit-months' })
    await client.connect()
    return new AuditMonths(client, models)
  }

  /** The months that have a partition, oldest first: "2025-01". */
  async all(): Promise<string[]> {
    const { rows } = await this.#client.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit.event'::regclass AND c.relname ~ '^event_\\d{4}_\\d{2}$' ORDER BY 1`,
    )
    return rows.map(({ name }) => name.slice('event_'.length).replace('_', '-'))
  }

  /** How many events of a month a tenant has, and how many of them are at this place or beyond. */
  async count(month: string, { tenantId }: Tenant, from: Place): Promise<{ events: number; beyond: number }> {
    return this.#as(tenantId, async () => {
      const { rows } = await this.#client.query<{ events: string; beyond: string }>(
        `SELECT count(*) AS events, count(*) FILTER (WHERE (epoch, transaction_id) >= ($2::int, $3::xid8)) AS beyond
           FROM ${partition(month)} WHERE tenant_id = $1`,
        [tenantId, from.epoch, from.transactionId],
      )
      return { events: Number(rows[0]?.events), beyond: Number(rows[0]?.beyond) }
    })
  }

  /**
   * Drops a month. In the same transaction each tenant that loses events gets one that says so.
   * @param recorded called when all but the commit has succeeded; what it throws undoes the drop
   * @throws when the audit cannot be had for itself within seconds; then nothing was dropped
   */
  async drop(
    month: string,
    lost: readonly (Tenant & { events: number })[],
    recorded: () => Promise<void>,
  ): Promise<void> {
    const client = this.#client
    await client.query('BEGIN')
    try {
      await client.query(`SET LOCAL lock_timeout = '${lockTimeout}'; SET LOCAL custodia.audit_ddl = 'on'`)
      await client.query('LOCK TABLE audit.event IN ACCESS EXCLUSIVE MODE')
      for (const { events, ...tenant } of lost) {
        const principal = ownPrincipal('system', tenant, null, [], this.#models)
        const entry = { action: 'delete', resource: 'audit-events' } as const
        const meta = { requestId: null, ip: null, purpose: month }
        await client.query(`SELECT set_config('app.tenant', $1, true)`, [tenant.tenantId])
        await client.query(
          eventStatement.text,
          fill(eventStatement, {
            ...eventValues(randomUUIDv7(), principal, entry, meta),
            ...touchedValues([{ resource: 'audit-events', ids: [] }], 'allowed', 'month_dropped'),
            rowCount: events,
          }),
        )
      }
      await client.query(`DROP TABLE ${partition(month)}`)
      await recorded()
      committed(await client.query('COMMIT'))
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {})
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  /** Row-level security binds the owner too. */
  async #as<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    await this.#client.query('BEGIN READ ONLY')
    try {
      await this.#client.query(`SELECT set_config('app.tenant', $1, true)`, [tenantId])
      return await work()
    } finally {
      await this.#client.query('ROLLBACK')
    }
  }
}
