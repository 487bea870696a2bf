import type { Party } from '../../channels/neutral.ts'
import { type Address, addressOf } from '../../resources/identities/address.ts'

/** An address that somebody came with. */
export interface PartyAddress extends Address {
  verified: boolean
}

/** As the API answers them; a longer one could not be shown. */
const addressLength = 300

/**
 * A phone without a digit is none, nor is an id of blanks and dashes: everybody without one would be one person. What a
 * provider calls somebody is its own matter, even where that is mostly a number.
 */
const isAddress = (kind: string, value: string): boolean =>
  value.length <= addressLength && (kind === 'phone' ? /\d/ : /[\p{L}\p{N}]/u).test(value)

/** The addresses of a party, in its order, that can be an address at all. */
export function addressesOf(party: Pick<Party, 'identities'>, channelId: string): PartyAddress[] {
  return party.identities
    .filter(({ kind, value }) => isAddress(kind, value))
    .map(({ kind, value, verified }) => ({ ...addressOf(kind, value, channelId), verified }))
}
