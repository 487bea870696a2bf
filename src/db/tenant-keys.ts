import type { Keyring, TenantKeys } from '../privacy/keyring.ts'
import { type SQL, sql } from './sql.ts'

/** The keys of one tenant, as far as its wrapped key has been read. */
export interface TenantKeyring {
  known: boolean
  /** @throws Error before the key has been read */
  now: () => TenantKeys
  load: (query: (statement: SQL) => Promise<{ wrapped_key: Buffer }[]>) => Promise<void>
}

/** The wrapped keys of the tenants that this process has met. They are read with what needs them, not on their own. */
export class KnownKeys {
  readonly #keyring: Keyring
  readonly #wrapped = new Map<string, Buffer>()

  constructor(keyring: Keyring) {
    this.#keyring = keyring
  }

  learn(tenantId: string, wrapped: Buffer): void {
    this.#wrapped.set(tenantId, wrapped)
  }

  of(tenantId: string): TenantKeyring {
    return {
      known: this.#wrapped.has(tenantId),
      now: () => {
        const wrapped = this.#wrapped.get(tenantId)
        if (!wrapped) throw new Error('the tenant’s key has not been read')
        return this.#keyring.tenant(tenantId, wrapped)
      },
      load: async (query) => {
        const [row] = await query(sql`SELECT wrapped_key FROM app.tenant WHERE tenant_id = ${tenantId}::uuid`)
        if (row) this.learn(tenantId, row.wrapped_key)
      },
    }
  }
}
