import { tenantModels } from '../access/custom-field.ts'
import type { Models } from '../access/model.ts'
import type { Credential, Principal } from '../access/principal.ts'
import { type PrincipalRow, principalOf, principalSql } from './principals.ts'
import type { SQL } from './sql.ts'

/** What the principals of late requests may take of the process's memory, about, in bytes. */
const weightMax = 32e6

/** How a principal's row is read: outside the audit, since nothing of it is answered. */
type Lookup = (tenant: { tenantId: string; region: string }, statement: SQL) => Promise<PrincipalRow[]>

/**
 * The principals of late requests, kept until their standing changes; each transaction checks that. Building an ability
 * takes longer than most requests.
 */
export class PrincipalStore {
  readonly #known = new Map<string, Principal>()
  readonly #tenants = new Map<string, { version: number; models: Models }>()
  readonly #models: Models
  readonly #lookup: Lookup
  readonly #keyRead: (tenantId: string, wrapped: Buffer) => void

  constructor(models: Models, lookup: Lookup, keyRead: (tenantId: string, wrapped: Buffer) => void) {
    this.#models = models
    this.#lookup = lookup
    this.#keyRead = keyRead
  }

  /** The principal of a verified credential, from memory where it is known; null when it is no longer good. */
  async find(credential: Credential): Promise<Principal | null> {
    const known = this.#known.get(nameOf(credential))
    if (!known?.credential || !sameSecret(known.credential, credential)) return this.load(credential)
    // The one that has been away the longest goes first.
    this.#known.delete(nameOf(credential))
    this.#known.set(nameOf(credential), known)
    return known
  }

  /** The principal as it is now, whatever memory says. */
  async load(credential: Credential): Promise<Principal | null> {
    const name = nameOf(credential)
    // One region today; tokens will carry theirs.
    const [row] = await this.#lookup({ tenantId: credential.tenantId, region: 'default' }, principalSql(credential))
    if (!row) {
      this.#known.delete(name)
      return null
    }
    this.#keyRead(credential.tenantId, Buffer.from(row.wrapped_key, 'base64'))
    const version = Number(row.policy_version)
    const known = this.#known.get(name)
    // Requests that come together all read this; the first has built by now what each of the others would build anew.
    if (known?.credential && sameSecret(known.credential, credential) && isStill(known, row, version)) return known
    const models = this.#modelsOf(credential.tenantId, version, row)
    const principal = principalOf(credential, { ...row, policy_version: version }, models)
    this.#known.delete(name)
    this.#makeRoom()
    this.#known.set(name, principal)
    return principal
  }

  /** They grow with every kind of request, so what they weigh is asked when another one comes. */
  #makeRoom(): void {
    let weight = [...this.#known.values()].reduce((sum, { ability }) => sum + ability.weight, 0)
    for (const [name, { ability }] of this.#known) {
      if (weight < weightMax) return
      weight -= ability.weight
      this.#known.delete(name)
    }
  }

  /** The resources with the fields that the tenant has defined; its principals share them while its policy lasts. */
  #modelsOf(tenantId: string, version: number, { custom_fields }: PrincipalRow): Models {
    const known = this.#tenants.get(tenantId)
    if (known?.version === version) return known.models
    const models = tenantModels(this.#models, custom_fields)
    this.#tenants.set(tenantId, { version, models })
    return models
  }
}

/** Whether a principal stands as the row says; then all is as it was that its ability is made of. */
function isStill({ standing }: Principal, { member, key }: PrincipalRow, policyVersion: number): boolean {
  return (
    standing !== null &&
    standing.policyVersion === policyVersion &&
    standing.memberVersion === (member?.version ?? null) &&
    standing.keyVersion === (key?.version ?? null)
  )
}

function nameOf(credential: Credential): string {
  if (credential.kind === 'apiKey') return `${credential.tenantId}/key/${credential.apiKeyId}`
  return `${credential.tenantId}/session/${credential.sessionId}`
}

function sameSecret(one: Credential, other: Credential): boolean {
  if (one.kind === 'apiKey' && other.kind === 'apiKey') return one.secretHash.equals(other.secretHash)
  if (one.kind === 'apiKey' || other.kind === 'apiKey' || one.kind !== other.kind) return false
  return (
    one.memberId === other.memberId &&
    (one.kind !== 'exchange' || other.kind !== 'exchange' || one.apiKeyId === other.apiKeyId)
  )
}
