import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Database, Tx } from '../db/database.ts'
import type { SigningKey } from '../db/sealed-tables.ts'
import { sealingLock } from '../db/sealing.ts'
import { sql } from '../db/sql.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import { formatEndorsement, originOf, parseEndorsement } from './checkpoint-note.ts'
import { isSameTime, microseconds } from './instant.ts'
import { keyIdOf, openNote, publicKeyBytes, type Signer, signNote, type VerifierKey } from './note.ts'
import { SealingFault } from './sealing-fault.ts'

/** The context under which a private part is sealed, so that it opens for its own generation only. */
const contextOf = (generation: number): string => `signing-key:${generation}`

/** Somebody else has made the key. */
class KeyMade extends Error {}

/**
 * Makes a tenant's first key where it has none, in a change of its own with its event. The key vouches for itself: trust
 * in it begins with the file outside the database.
 */
export async function ensureKey(db: Database, tenant: { tenantId: string; region: string }): Promise<void> {
  if (await db.sealed(tenant, async (tables) => (await tables.keys()).length > 0)) return
  const caller = { principal: db.own('system', tenant), meta: { requestId: null, ip: null, purpose: null } }
  try {
    await db.change(caller, { action: 'administer', resource: 'audit-events' }, async (tx) => {
      const key = await rotateKey(tx)
      if (key.generation !== 1) throw new KeyMade()
    })
  } catch (error) {
    if (!(error instanceof KeyMade)) throw error
  }
}

/**
 * The tenant's present signer.
 * @throws {SealingFault} when the private part does not open, or belongs to another key than the newest
 */
export function signerOf(
  keys: TenantKeys,
  newest: SigningKey,
  secret: { generation: number; sealed: Buffer } | null,
): Signer {
  const privateKey = secret?.generation === newest.generation ? opened(keys, secret) : null
  if (!privateKey || !publicKeyBytes(privateKey).equals(newest.publicKey))
    throw new SealingFault('signing_key_unusable', 'the private part of the newest signing key is not there or not its')
  return { name: originOf(keys.tenantId), privateKey }
}

/** How a key of a tenant is known to whoever checks its signatures. */
export function verifierKey(tenantId: string, publicKey: Buffer): VerifierKey {
  const name = originOf(tenantId)
  return { name, keyId: keyIdOf(name, publicKey), publicKey }
}

/**
 * Whether a key says of itself what its row says, signed by the key before it; the first one by itself.
 * @returns what is wrong, or null
 */
export function keyFault(tenantId: string, key: SigningKey, before: SigningKey | undefined): string | null {
  const signedBy = verifierKey(tenantId, (before ?? key).publicKey)
  const opened = openNote(key.endorsement, [signedBy])
  const said = opened && parseEndorsement(opened.text)
  if (!said) return before ? 'is not endorsed by the key before it' : 'does not vouch for itself'
  if (said.origin !== originOf(tenantId) || said.generation !== key.generation)
    return 'is endorsed as a key of another place'
  if (!said.key.publicKey.equals(key.publicKey)) return 'is not the key that was endorsed'
  if (!saysTime(said.extensions, key.madeAt)) return 'was not made at its time'
  return before && before.generation + 1 !== key.generation ? 'does not follow the key before it' : null
}

/**
 * Goes over to a new key, inside a change, whose audit event is the record of it. The old key signs the new one, and
 * then its private part is destroyed: nobody can sign with it any more. Waits for a sealing that is under way.
 * @returns the new key; the first one where the tenant had none
 */
export async function rotateKey(tx: Tx): Promise<SigningKey> {
  const { tenantId } = tx.principal
  const mine = sql`tenant_id = ${tenantId}::uuid`
  await tx.query(sql`SELECT ${sealingLock(tenantId)}`)
  const [newest] = await tx.query<SigningKey>(
    sql`SELECT generation, public_key AS "publicKey", endorsement, made_at AS "madeAt" FROM audit.signing_key
      WHERE ${mine} ORDER BY generation DESC LIMIT 1`,
  )
  const [secret] = await tx.query<{ generation: number; sealed: Buffer }>(
    sql`SELECT generation, sealed_private_key AS sealed FROM app.signing_secret WHERE ${mine} ORDER BY generation DESC LIMIT 1`,
  )
  const [{ size } = { size: 0 }] = await tx.query<{ size: number }>(
    sql`SELECT coalesce(max(size), 0) AS size FROM audit.checkpoint WHERE ${mine}`,
  )
  const { privateKey } = generateKeyPairSync('ed25519')
  const signer = newest ? signerOf(tx.keys, newest, secret ?? null) : { name: originOf(tenantId), privateKey }
  const key = endorsed(signer, privateKey, (newest?.generation ?? 0) + 1, size)
  const [kept] = await tx.query<{ madeAt: string }>(
    sql`INSERT INTO audit.signing_key (tenant_id, generation, public_key, endorsement, made_at)
      VALUES (${tenantId}::uuid, ${key.generation}, ${key.publicKey}, ${key.endorsement}, ${key.madeAt}::timestamptz)
      RETURNING made_at AS "madeAt"`,
  )
  await tx.query(sql`DELETE FROM app.signing_secret WHERE ${mine}`)
  await tx.query(sql`INSERT INTO app.signing_secret (tenant_id, generation, sealed_private_key)
    VALUES (${tenantId}::uuid, ${key.generation}, ${sealedPart(tx.keys, key.generation, privateKey)})`)
  tx.touch({ resource: 'audit-events', ids: [], changed: ['signingKey'] })
  return { ...key, ...kept }
}

/** The line that says when a note was made. */
export const timeLine = (at: string): string => `time ${microseconds(at).replace(/000Z$/, 'Z')}`

/** Whether a note was made at the time that its row says. */
export const saysTime = (lines: readonly string[], at: string): boolean =>
  lines.some((line) => line.startsWith('time ') && isSameTime(line.slice(5), at))

function endorsed(signer: Signer, privateKey: KeyObject, generation: number, after: number): SigningKey {
  const publicKey = publicKeyBytes(privateKey)
  const madeAt = new Date().toISOString()
  const text = formatEndorsement({
    origin: signer.name,
    generation,
    publicKey,
    after,
    extensions: [timeLine(madeAt)],
  })
  return { generation, publicKey, endorsement: signNote(text, signer), madeAt }
}

const sealedPart = (keys: TenantKeys, generation: number, privateKey: KeyObject): Buffer =>
  keys.seal(privateKey.export({ format: 'der', type: 'pkcs8' }), contextOf(generation))

function opened(keys: TenantKeys, { generation, sealed }: { generation: number; sealed: Buffer }): KeyObject | null {
  try {
    return createPrivateKey({ key: keys.open(sealed, contextOf(generation)), format: 'der', type: 'pkcs8' })
  } catch {
    return null
  }
}
