import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'

/**
 * Signed notes as c2sp.org/signed-note writes them, with Ed25519 keys: a text of whole lines, an empty line, and one
 * line per signature, `— <key's name> <base64 of 4 bytes of key id and the signature>`. The signature covers the text
 * with its last line's end.
 */
export interface Note {
  text: string
  signatures: { name: string; keyId: Buffer; signature: Buffer }[]
}

/** A public key as who verifies is given it: `name+key id in hex+base64(0x01 || the key)`, a "vkey". */
export interface VerifierKey {
  name: string
  keyId: Buffer
  /** 32 bytes (RFC 8032) */
  publicKey: Buffer
}

export interface Signer {
  /** No spaces, no plus sign. */
  name: string
  privateKey: KeyObject
}

const ED25519 = 1
const SIGNATURES_MAX = 100

/** The 32 bytes of an Ed25519 key's public part, as `jwk` and vkeys hold them. */
export function publicKeyBytes(key: KeyObject): Buffer {
  const { x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  if (x === undefined) throw new TypeError('not an Ed25519 key')
  return Buffer.from(x, 'base64url')
}

/** The first four bytes of SHA-256(name || newline || 0x01 || public key). */
export function keyIdOf(name: string, publicKey: Buffer): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed(publicKey)]), 'buffer').subarray(0, 4)
}

export function formatVkey(name: string, publicKey: Buffer): string {
  return `${name}+${keyIdOf(name, publicKey).toString('hex')}+${typed(publicKey).toString('base64')}`
}

/** @returns undefined for what is no vkey, its key id included */
export function parseVkey(vkey: string): VerifierKey | undefined {
  const [, name, keyId, base64] = /^([^\s+]+)\+([\da-f]{8})\+([A-Za-z\d+/]{44})$/.exec(vkey) ?? []
  if (name === undefined || base64 === undefined) return undefined
  const key = fromBase64(base64)
  if (key?.length !== 33 || key[0] !== ED25519) return undefined
  const publicKey = key.subarray(1)
  const expected = keyIdOf(name, publicKey)
  return expected.toString('hex') === keyId ? { name, keyId: expected, publicKey } : undefined
}

/**
 * @param text whole lines, the last one ended too
 * @throws {RangeError} for a text or name that no signed note can have
 */
export function signNote(text: string, signer: Signer): string {
  if (!isText(text)) throw new RangeError('a note is whole lines of text')
  if (!isName(signer.name)) throw new RangeError('a key is named without spaces and plus signs')
  const keyId = keyIdOf(signer.name, publicKeyBytes(signer.privateKey))
  const signature = sign(null, Buffer.from(text), signer.privateKey)
  return `${text}\n— ${signer.name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`
}

/** @returns undefined for what is no signed note; signatures are not looked at */
export function parseNote(note: string): Note | undefined {
  const split = note.lastIndexOf('\n\n')
  const text = note.slice(0, split + 1)
  if (split < 0 || !isText(text) || !note.endsWith('\n')) return undefined
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > SIGNATURES_MAX) return undefined
  const signatures: Note['signatures'] = []
  for (const line of lines) {
    const [, name, base64] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? []
    const bytes = base64 === undefined ? undefined : fromBase64(base64)
    if (name === undefined || !isName(name) || !bytes || bytes.length < 5) return undefined
    signatures.push({ name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) })
  }
  return { text, signatures }
}

/**
 * Opens a note with known keys. Signatures of other keys are passed over, but one that claims to be a known key's and
 * does not hold spoils the note, as the specification recommends.
 * @returns the text and the known key that signed it; undefined where none did
 */
export function openNote(note: string, keys: readonly VerifierKey[]): { text: string; key: VerifierKey } | undefined {
  const parsed = parseNote(note)
  if (!parsed) return undefined
  let by: VerifierKey | undefined
  for (const { name, keyId, signature } of parsed.signatures) {
    const key = keys.find((known) => known.name === name && known.keyId.equals(keyId))
    if (!key) continue
    if (!verify(null, Buffer.from(parsed.text), publicKeyOf(key.publicKey), signature)) return undefined
    by ??= key
  }
  return by && { text: parsed.text, key: by }
}

function publicKeyOf(publicKey: Buffer): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') }, format: 'jwk' })
}

function typed(publicKey: Buffer): Buffer {
  if (publicKey.length !== 32) throw new RangeError('an Ed25519 key has 32 bytes')
  return Buffer.concat([Buffer.from([ED25519]), publicKey])
}

function isName(name: string): boolean {
  return /^[^\s+]+$/u.test(name) && name.isWellFormed()
}

/** Not empty, ended, and no control character but the line's end; lone surrogates have no UTF-8. */
function isText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.endsWith('\n') && !/[\0-\t\v-\x1f]/.test(text) && text.isWellFormed()
}

/** Only the one spelling that base64 of those bytes has: Node itself reads over whatever is wrong. */
export function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
