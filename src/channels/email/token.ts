import { domainOf, plusAddress, plusWord } from './address.ts'

/**
 * How our own mail names itself. A Message-ID is our message's id at the mailbox's domain; the word after the plus in
 * Reply-To and in the unsubscribe address is a letter for what it is for and the same id. So whatever of these comes
 * back, even from programs that drop References, leads to the message.
 */
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/
const HEX = /^([mu])-([0-9a-f]{32})$/

/** Without brackets, as externalIds are. */
export const ownMessageId = (messageId: string, mailbox: string): string =>
  `${messageId.toLowerCase()}@${domainOf(mailbox).toLowerCase()}`

/** Our message's id, where a Message-ID is one that we made. */
export function messageOfId(externalId: string, mailbox: string): string | undefined {
  const at = externalId.lastIndexOf('@')
  const local = externalId.slice(0, Math.max(at, 0)).toLowerCase()
  return UUID.test(local) && externalId.slice(at + 1).toLowerCase() === domainOf(mailbox).toLowerCase()
    ? local
    : undefined
}

export type TokenPurpose = 'reply' | 'unsubscribe'

export const tokenAddress = (mailbox: string, purpose: TokenPurpose, messageId: string): string =>
  plusAddress(mailbox, `${purpose === 'reply' ? 'm' : 'u'}-${messageId.toLowerCase().replaceAll('-', '')}`)

/** What a plus-address of ours says. */
export function tokenOf(address: string, mailbox: string): { purpose: TokenPurpose; messageId: string } | undefined {
  const [, letter, hex = ''] = HEX.exec(plusWord(address, mailbox) ?? '') ?? []
  if (letter === undefined) return undefined
  const messageId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  return { purpose: letter === 'm' ? 'reply' : 'unsubscribe', messageId }
}
