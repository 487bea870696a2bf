import type { Credential } from '../../access/principal.ts'
import { type Keyring, open, seal } from '../../privacy/keyring.ts'

/** For whom a link was made: a principal, by its credential, or whoever fetches what goes out with a message. */
export type LinkHolder =
  | { credential: Credential }
  | { message: { tenantId: string; region: string; messageId: string } }

export interface FileLink {
  attachmentId: string
  holder: LinkHolder
}

const label = 'file-links'

/** A link that a front end puts into a page. */
export const pageLinkMs = 5 * 60_000

/** A link that goes out with a message: fetched by the provider at once, or by the customer when they read it. */
export const messageLinkMs = { provider: 15 * 60_000, person: 14 * 86_400_000 } as const

/**
 * The address of a file for a while, sealed: it says nothing to whoever reads it, and can be made for nothing else. As
 * bytes, since a part of a path has its limits.
 * @returns `expiresAt` RFC 3339
 */
export function fileLink(
  keyring: Keyring,
  publicUrl: string,
  { attachmentId, holder }: FileLink,
  lifeMs: number,
): { url: string; expiresAt: string } {
  const expiresMs = Date.now() + lifeMs
  const until = Buffer.alloc(6)
  until.writeUIntBE(expiresMs, 0, 6)
  const plain = Buffer.concat([until, bytesOf(attachmentId), holderBytes(holder)])
  const token = seal(keyring.derive(label), plain, label).toString('base64url')
  return { url: `${publicUrl}/v1/files/${token}`, expiresAt: new Date(expiresMs).toISOString() }
}

/** null: none of ours, or over */
export function fileLinkOf(keyring: Keyring, token: string): FileLink | null {
  let plain: Buffer
  try {
    plain = open(keyring.derive(label), Buffer.from(token, 'base64url'), label)
  } catch {
    return null
  }
  if (plain.readUIntBE(0, 6) <= Date.now()) return null
  return { attachmentId: idAt(plain, 6), holder: holderAt(plain.subarray(22)) }
}

const idLength = 16
const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')
const idAt = (bytes: Buffer, start: number): string =>
  bytes
    .subarray(start, start + idLength)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/** A letter for the kind, its ids, then what else it has. */
function holderBytes(holder: LinkHolder): Buffer {
  const joined = (kind: string, ids: readonly string[], rest: Buffer = Buffer.alloc(0)): Buffer =>
    Buffer.concat([Buffer.from(kind), ...ids.map(bytesOf), rest])
  if ('message' in holder) {
    const { tenantId, region, messageId } = holder.message
    return joined('s', [tenantId, messageId], Buffer.from(region))
  }
  const { credential } = holder
  const { tenantId } = credential
  switch (credential.kind) {
    case 'member':
      return joined('m', [tenantId, credential.memberId, credential.sessionId])
    case 'exchange':
      return joined('x', [tenantId, credential.memberId, credential.sessionId, credential.apiKeyId])
    case 'apiKey':
      return joined('k', [tenantId, credential.apiKeyId], credential.secretHash)
  }
}

function holderAt(bytes: Buffer): LinkHolder {
  const id = (n: number): string => idAt(bytes, 1 + n * idLength)
  const rest = (n: number): Buffer => bytes.subarray(1 + n * idLength)
  const member = { tenantId: id(0), memberId: id(1), sessionId: id(2) }
  switch (String.fromCharCode(bytes[0] ?? 0)) {
    case 'm':
      return { credential: { kind: 'member', ...member } }
    case 'x':
      return { credential: { kind: 'exchange', ...member, apiKeyId: id(3) } }
    case 'k':
      return { credential: { kind: 'apiKey', tenantId: id(0), apiKeyId: id(1), secretHash: rest(2) } }
    default:
      return { message: { tenantId: id(0), messageId: id(1), region: rest(2).toString() } }
  }
}
