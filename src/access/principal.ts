import type { Ability } from './ability.ts'
import type { Me } from './condition.ts'
import type { Grant } from './grant.ts'

/**
 * Whoever makes a request. `anonymous` is somebody whose tenant is known and who is not yet let in; `visitor` is the
 * contact's own side of a webchat, whose rights are said where its requests are.
 */
export type PrincipalKind = 'member' | 'apiKey' | 'connector' | 'system' | 'anonymous' | 'visitor'

/** What a token or a key says, verified: it names the principal, never its rights. */
export type Credential =
  | { kind: 'member'; tenantId: string; memberId: string; sessionId: string }
  /** A key that acts for a member: the rights that both have. */
  | { kind: 'exchange'; tenantId: string; memberId: string; sessionId: string; apiKeyId: string }
  | { kind: 'apiKey'; tenantId: string; apiKeyId: string; secretHash: Buffer }

/** The standing of a principal when its ability was built. Any change of it voids the ability. */
export interface Standing {
  policyVersion: number
  memberVersion: number | null
  keyVersion: number | null
}

export interface Principal {
  kind: PrincipalKind
  /** Id of the member, key or channel; null for the system and the anonymous. */
  id: string | null
  /** For whom a key acts. */
  onBehalfOf: string | null
  tenantId: string
  region: string
  /** The business units it sees; '*' is an explicit attribute, never the absence of one. */
  units: readonly string[] | '*'
  /** Where new records go when a request names no unit. */
  defaultUnit: string | null
  purpose: string | null
  /** The resources that its tenant lets nobody touch without a purpose. */
  purposeRequiredFor: ReadonlySet<string>
  me: Me
  roleIds: readonly string[]
  ability: Ability
  /** What the ability was made of, as its roles say it: a list for each that must allow (a key, and its member). */
  grants: readonly (readonly Grant[])[]
  /** Clear values of masked fields that it may ask for in a day. */
  revealQuota: number
  /** null for principals that the service itself makes. */
  credential: Credential | null
  standing: Standing | null
}

/**
 * The member whose eyes see what is answered, by whom statements know it as `reader`; null for keys of their own, for
 * connectors and for the service: nobody reads there.
 */
export const readerOf = ({ kind, id, onBehalfOf }: Principal): string | null =>
  onBehalfOf ?? (kind === 'member' ? id : null)
