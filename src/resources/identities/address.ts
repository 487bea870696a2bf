import { createHash } from 'node:crypto'
import { phoneVariants } from '../../channels/phone.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'
import { matchValue } from './match.ts'

/** Kinds whose values mean the same on every channel; all others mean something within one channel only. */
const everywhere: ReadonlySet<string> = new Set([
  'phone',
  'email',
  'whatsapp',
  'whatsapp_bsuid',
  'whatsapp_parent_bsuid',
])

/** Kinds that are phone numbers: one number is one identifier, whichever of them names it. */
const numbers: ReadonlySet<string> = new Set(['phone', 'whatsapp'])

/** The kinds that name one and the same identifier. */
export const kindsOf = (kind: string): readonly string[] => (numbers.has(kind) ? [...numbers] : [kind])

/** An address as identities are found by it. */
export interface Address {
  kind: string
  /** the channel within which it means something; null: everywhere */
  channelId: string | null
  /** as the provider writes it: what is sent to */
  value: string
  /** as it is stored for comparison */
  match: string
  /** every form in which the same address may stand in identity.match_value, `match` first */
  variants: readonly string[]
}

export function addressOf(kind: string, value: string, channelId: string): Address {
  const match = indexable(matchValue(kind, value))
  const isNumber = numbers.has(kind) && match.startsWith('+')
  return {
    kind,
    channelId: everywhere.has(kind) ? null : channelId,
    value,
    match,
    variants: isNumber ? phoneVariants(match) : [match],
  }
}

export function isSameAddress(
  address: Address,
  row: { kind: string; channelId: string | null; matchValue: string },
): boolean {
  return row.kind === address.kind && row.channelId === address.channelId && address.variants.includes(row.matchValue)
}

/**
 * The keyed hash that stands for an address where the address itself must not stand: the suppression list, locks. All
 * variants of one number, on WhatsApp or off it, have the same.
 */
export function identifierHash(keys: TenantKeys, { kind, channelId, variants }: Address): Buffer {
  const [lowest = ''] = variants.toSorted()
  return keys.hash('identifier', `${numbers.has(kind) ? 'phone' : kind}\0${channelId ?? ''}\0${lowest}`)
}

/**
 * The hashes under which an address is kept out. Of an email also that of its mailbox: what stands behind a plus
 * (RFC 5233) is whatever its holder puts there, and whoever is to be left alone is so at all of them.
 */
export function suppressionHashes(keys: TenantKeys, address: Address): Buffer[] {
  const [, local, domain] = address.kind === 'email' ? (/^([^+@]+)\+[^@]*(@[^@]+)$/.exec(address.match) ?? []) : []
  const own = identifierHash(keys, address)
  if (local === undefined || domain === undefined) return [own]
  return [own, identifierHash(keys, addressOf('email', `${local}${domain}`, ''))]
}

const indexableMax = 500

/** A B-tree takes some 2,700 bytes: a longer text is compared by its hash. */
export function indexable(text: string): string {
  return text.length <= indexableMax ? text : `sha256:${createHash('sha256').update(text).digest('hex')}`
}
