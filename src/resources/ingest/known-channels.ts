import type { Principal } from '../../access/principal.ts'
import type { ChannelType } from '../../channels/channel.ts'
import type { Database } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import { openSettings } from '../channels/settings.ts'

/** A channel behind the same provider app, whatever its type: events that come in at one address may be for another. */
export interface Sibling {
  id: string
  type: string
  businessUnitId: string
  account: string | null
  scope: string | null
}

/** An active channel as it was when it was read. Whoever stores by it has the database check that it still is. */
export interface KnownChannel {
  id: string
  tenant: { tenantId: string; region: string }
  keys: TenantKeys
  /** As whom its posts are stored. */
  principal: Principal
  type: ChannelType
  settings: unknown
  appHash: Buffer | null
  /** The channel itself first. */
  siblings: readonly Sibling[]
  /** `id/version` of every sibling, in order of ids: equal as long as nothing about them has changed. */
  standing: readonly string[]
}

interface ChannelRow {
  id: string
  type: string
  version: number
  business_unit_id: string
  account: string | null
  app_hash: Buffer | null
  sealed_settings: Buffer
}

/** Old ones make place: a channel that is posted to is read again in a millisecond. */
const knownMax = 10_000

/** The channels that are posted to, kept in memory with their opened settings. */
export class KnownChannels {
  readonly #db: Database
  readonly #known = new Map<string, Promise<KnownChannel | null>>()

  constructor(db: Database) {
    this.#db = db
  }

  /** From memory where it is known; null when there is no active channel of this id. */
  async get(id: string): Promise<KnownChannel | null> {
    return this.#known.get(id) ?? this.reload(id)
  }

  /** From the database. */
  async reload(id: string): Promise<KnownChannel | null> {
    const reading = this.#read(id)
    if (this.#known.size >= knownMax) this.#known.delete(this.#known.keys().next().value ?? '')
    this.#known.set(id, reading)
    const forget = (): void => {
      if (this.#known.get(id) === reading) this.#known.delete(id)
    }
    // Neither a failure nor an absence is worth remembering.
    reading.then((channel) => channel ?? forget(), forget)
    return reading
  }

  async #read(id: string): Promise<KnownChannel | null> {
    const [home] = await this.#db.directory<{ tenant_id: string; region: string }>(
      sql`directory.channel_tenant(${id}::uuid)`,
    )
    if (!home) return null
    const tenant = { tenantId: home.tenant_id, region: home.region }
    const [keys, rows] = await Promise.all([
      this.#db.tenantKeys(tenant),
      this.#db.lookup<ChannelRow>(
        tenant,
        sql`SELECT c.id, c.type, c.version, c.business_unit_id, c.account, c.app_hash, c.sealed_settings
          FROM app.channel me JOIN app.channel c ON c.tenant_id = me.tenant_id AND (c.id = me.id OR c.app_hash = me.app_hash)
         WHERE me.tenant_id = ${tenant.tenantId}::uuid AND me.id = ${id}::uuid AND me.status = 'active' AND me.state = 'active'
           AND c.status = 'active' AND c.state = 'active' ORDER BY c.id`,
      ),
    ])
    const own = rows.find((row) => row.id === id)
    if (!own) return null
    const { type, settings } = opened(keys, own)
    const others = rows.filter((row) => row !== own)
    return {
      id,
      tenant,
      keys,
      principal: this.#db.own('connector', tenant, id),
      type,
      settings,
      appHash: own.app_hash,
      siblings: [own, ...others].map((row) => siblingOf(keys, row)),
      standing: rows.map((row) => `${row.id}/${row.version}`),
    }
  }
}

const shared = new WeakMap<Database, KnownChannels>()

/** The ones of this process: whoever takes something in for a channel reads the same memory. */
export function knownChannels(db: Database): KnownChannels {
  const known = shared.get(db) ?? new KnownChannels(db)
  shared.set(db, known)
  return known
}

function siblingOf(keys: TenantKeys, row: ChannelRow): Sibling {
  const { type, settings } = opened(keys, row)
  const scope = type.scope?.(settings) ?? null
  return { id: row.id, type: row.type, businessUnitId: row.business_unit_id, account: row.account, scope }
}

/** Settings that this release cannot use are our fault: the provider shall try again. */
function opened(keys: TenantKeys, row: ChannelRow): ReturnType<typeof openSettings> {
  try {
    return openSettings(keys, row.id, row.type, row.sealed_settings)
  } catch (cause) {
    throw new Problem('unavailable', { cause, headers: { 'retry-after': '60' } })
  }
}
