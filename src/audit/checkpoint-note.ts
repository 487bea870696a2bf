import { HASH_BYTES } from './merkle.ts'
import { formatVkey, fromBase64, parseVkey, type VerifierKey } from './note.ts'

/** What a tenant's log is called: the first line of its checkpoints, and the name of its keys. */
export const originOf = (tenantId: string): string => `custodia/${tenantId}`

/** The head of the tree as c2sp.org/tlog-checkpoint writes it: the text of a signed note. */
export interface Checkpoint {
  origin: string
  size: number
  rootHash: Buffer
  /** Further lines, such as `time 2026-11-22T15:04:05.123Z`. */
  extensions: string[]
}

export function formatCheckpoint({ origin, size, rootHash, extensions }: Checkpoint): string {
  return [origin, size, rootHash.toString('base64'), ...extensions].map((line) => `${line}\n`).join('')
}

/** @returns undefined for what is no checkpoint, or not the one spelling of it */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin, sizeText, base64, ...extensions] = text.endsWith('\n') ? text.slice(0, -1).split('\n') : []
  const size = parseSize(sizeText)
  const rootHash = base64 === undefined ? undefined : fromBase64(base64)
  if (!origin || size === undefined || rootHash?.length !== HASH_BYTES || extensions.includes('')) return undefined
  return { origin, size, rootHash, extensions }
}

/**
 * How a log goes over to another key: the key before signs a note with this text. The first key signs its own. The
 * second line is no number, so that an endorsement can never be taken for a checkpoint, nor the reverse.
 *
 *     custodia/01a202d7-05ad-78ba-911f-183f11be662b
 *     signing key 2
 *     custodia/01a202d7-05ad-78ba-911f-183f11be662b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
 *     after 120312
 */
export interface Endorsement {
  origin: string
  /** 1 for the first key, and one more each time. */
  generation: number
  key: VerifierKey
  /** The size of the last checkpoint that an earlier key signed: what one signs beyond it is worth nothing. */
  after: number
  /** Further lines, such as `time …`. */
  extensions: string[]
}

export function formatEndorsement(given: Omit<Endorsement, 'key'> & { publicKey: Buffer }): string {
  const { origin, generation, publicKey, after, extensions } = given
  const lines = [origin, `signing key ${generation}`, formatVkey(origin, publicKey), `after ${after}`, ...extensions]
  return lines.map((line) => `${line}\n`).join('')
}

/** @returns undefined for what is no endorsement, or names a key of another log */
export function parseEndorsement(text: string): Endorsement | undefined {
  const [origin, key, vkey, after, ...extensions] = text.endsWith('\n') ? text.slice(0, -1).split('\n') : []
  const generation = parseSize(/^signing key (.+)$/.exec(key ?? '')?.[1])
  const size = parseSize(/^after (.+)$/.exec(after ?? '')?.[1])
  const parsed = vkey === undefined ? undefined : parseVkey(vkey)
  if (!origin || !generation || size === undefined || parsed?.name !== origin || extensions.includes('')) {
    return undefined
  }
  return { origin, generation, key: parsed, after: size, extensions }
}

/** A whole number without leading zeroes. */
function parseSize(text: string | undefined): number | undefined {
  const size = text !== undefined && /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : undefined
  return size !== undefined && Number.isSafeInteger(size) ? size : undefined
}
