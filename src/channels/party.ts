import type { JsonObject } from './json.ts'

/** What an address belongs to: a provider's own ids, and addresses that stand in the world. */
export type IdentityKind =
  | 'whatsapp'
  | 'whatsapp_bsuid'
  | 'whatsapp_parent_bsuid'
  | 'messenger'
  | 'instagram'
  | 'line'
  | 'telegram'
  | 'webchat'
  | 'form'
  | 'connector'
  | 'phone'
  | 'email'

/** One address. `verified`: the provider vouches for it; only those may link contacts by themselves. */
export interface Identity {
  kind: IdentityKind
  value: string
  verified: boolean
}

/** Somebody: `identities` in order of preference for answering; empty when the provider told nothing. */
export interface Party {
  identities: Identity[]
  /** as the person calls themselves; never an identifier */
  displayName?: string
  /** display only: usernames change hands */
  username?: string
  email?: string
  /** E.164 */
  phone?: string
  /** what was given as phone and is not understandable without a country */
  phoneAsGiven?: string
  /** what a form asked beside that, for the contact's own fields; fills what is empty */
  fields?: Partial<Record<PartyField, string>>
  customFields?: JsonObject
}

/** Fields of a contact that intake may fill. `country`: ISO 3166-1 alpha-2; `language`: BCP 47. */
export type PartyField =
  | 'givenName'
  | 'familyName'
  | 'company'
  | 'jobTitle'
  | 'country'
  | 'language'
  | 'timezone'
  | 'intent'
