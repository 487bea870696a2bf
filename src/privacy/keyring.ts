import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'

/**
 * The hierarchy of keys: the master key wraps a key per tenant, which wraps a key per contact. Everything else that
 * must be the same in every process (token signing, cursors, keyed hashes, the database login's password) is derived
 * from the master key by HKDF (RFC 5869), each under its own label.
 */
export class Keyring {
  readonly #master: Buffer
  readonly #tenants = new Map<string, TenantKeys>()

  /** @param master 32 bytes */
  constructor(master: Buffer) {
    if (master.length !== 32) throw new Error('the master key is 32 bytes')
    this.#master = master
  }

  derive(label: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#master, Buffer.alloc(0), `custodia/${label}`, 32))
  }

  /** A new tenant's key, wrapped. */
  newTenantKey(tenantId: string): Buffer {
    return seal(this.derive('tenant-keys'), randomBytes(32), `tenant:${tenantId}`)
  }

  /** Opens a tenant's key once and keeps it. */
  tenant(tenantId: string, wrapped: Buffer): TenantKeys {
    let keys = this.#tenants.get(tenantId)
    if (!keys) {
      keys = new TenantKeys(tenantId, open(this.derive('tenant-keys'), wrapped, `tenant:${tenantId}`))
      this.#tenants.set(tenantId, keys)
    }
    return keys
  }

  /** A hash that nobody can try values against without the master key; for what stands outside any tenant. */
  hash(label: string, value: string): Buffer {
    return createHmac('sha256', this.derive(`hash/${label}`))
      .update(value)
      .digest()
  }

  /** The Ed25519 key that signs access tokens (RFC 8037). */
  signingKey(label: string): { privateKey: KeyObject; publicKey: KeyObject } {
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), this.derive(label)])
    const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    return { privateKey, publicKey: createPublicKey(privateKey) }
  }
}

/** What one tenant's key does. */
export class TenantKeys {
  readonly tenantId: string
  readonly #key: Buffer
  readonly #hashKey: Buffer

  constructor(tenantId: string, key: Buffer) {
    this.tenantId = tenantId
    this.#key = key
    this.#hashKey = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'custodia/hash', 32))
  }

  seal(plain: Buffer | string, context: string): Buffer {
    return seal(this.#key, plain, `${this.tenantId}/${context}`)
  }

  open(sealed: Buffer, context: string): Buffer {
    return open(this.#key, sealed, `${this.tenantId}/${context}`)
  }

  /** Equal values of one tenant have equal hashes; nobody without its key can try values. */
  hash(label: string, value: string): Buffer {
    return createHmac('sha256', this.#hashKey).update(`${label}\0${value}`).digest()
  }

  newContactKey(contactId: string): Buffer {
    return this.seal(randomBytes(32), `contact:${contactId}`)
  }

  /** The key of one contact; gone for good once its wrapped form is destroyed. */
  contact(contactId: string, wrapped: Buffer): ContactKey {
    const key = this.open(wrapped, `contact:${contactId}`)
    return {
      seal: (plain, context) => seal(key, plain, context),
      open: (sealed, context) => open(key, sealed, context),
    }
  }
}

export interface ContactKey {
  seal(plain: Buffer | string, context: string): Buffer
  open(sealed: Buffer, context: string): Buffer
}

const format = 1

/** AES-256-GCM: format byte, 12 bytes nonce, 16 bytes tag, ciphertext. The context is authenticated, so that a value cannot be moved. */
export function seal(key: Buffer, plain: Buffer | string, context: string): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  const body = Buffer.concat([
    typeof plain === 'string' ? cipher.update(plain, 'utf8') : cipher.update(plain),
    cipher.final(),
  ])
  return Buffer.concat([Buffer.from([format]), nonce, cipher.getAuthTag(), body])
}

/** @throws when the key, the context or a single bit is another */
export function open(key: Buffer, sealed: Buffer, context: string): Buffer {
  if (sealed.length < 29 || sealed[0] !== format) throw new Error('unknown form of a sealed value')
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13)).setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(13, 29))
  return Buffer.concat([decipher.update(sealed.subarray(29)), decipher.final()])
}
