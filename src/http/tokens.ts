import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import jwt from '@fastify/jwt'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Credential } from '../access/principal.ts'
import type { Keyring } from '../privacy/keyring.ts'

/** Minutes, so that a stolen access token is soon worth nothing; the session behind it can be ended at once anyway. */
export const accessTokenSeconds = 600
const issuer = 'custodia'
/** How far the clocks of two of our processes may be apart. */
const clockSkewSeconds = 60

// As we write them: in capitals the same id would be another text to whatever compares or keeps it.
const id = z.uuid().lowercase()
const claims = z.object({ tid: id, sub: id, sid: id, key: id.optional(), iat: z.number() })
const verified = z.object({ header: z.looseObject({ alg: z.literal('EdDSA'), kid: z.string() }), payload: claims })

/** Access tokens: JWTs signed with Ed25519 (RFC 8037). They name the principal, never its rights. */
export async function useTokens(app: FastifyInstance, keyring: Keyring): Promise<void> {
  const { privateKey, publicKey } = keyring.signingKey('access-tokens')
  const kid = createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url')
    .slice(0, 16)
  await app.register(jwt, {
    secret: {
      private: privateKey.export({ format: 'pem', type: 'pkcs8' }),
      public: publicKey.export({ format: 'pem', type: 'spki' }),
    },
    sign: { algorithm: 'EdDSA', iss: issuer, aud: issuer, expiresIn: `${accessTokenSeconds}s`, kid },
    verify: {
      algorithms: ['EdDSA'],
      allowedIss: issuer,
      allowedAud: issuer,
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub'],
      complete: true,
      cache: 10_000,
      clockTolerance: 0,
    },
  })
  app.decorate('accessTokenKid', kid)
}

declare module 'fastify' {
  interface FastifyInstance {
    accessTokenKid: string
  }
}

/** Signs an access token for a session. */
export function accessToken(
  app: FastifyInstance,
  credential: Exclude<Credential, { kind: 'apiKey' }>,
): { accessToken: string; expiresAt: string } {
  const payload = {
    tid: credential.tenantId,
    sub: credential.memberId,
    sid: credential.sessionId,
    ...(credential.kind === 'exchange' ? { key: credential.apiKeyId } : {}),
  }
  return {
    accessToken: app.jwt.sign(payload),
    expiresAt: new Date(Date.now() + accessTokenSeconds * 1000).toISOString(),
  }
}

/** What a bearer token proves; null for anything that does not verify, with no word of why. */
export function credentialOf(app: FastifyInstance, token: string): Credential | null {
  if (token.startsWith('cak_')) {
    const key = readSecret('cak', token)
    return key && { kind: 'apiKey', tenantId: key.tenantId, apiKeyId: key.id, secretHash: key.hash }
  }
  try {
    const { header, payload } = verified.parse(app.jwt.verify(token))
    if (!isCanonical(token.slice(token.lastIndexOf('.') + 1))) return null
    if (header.kid !== app.accessTokenKid || payload.iat > Date.now() / 1000 + clockSkewSeconds) return null
    const session = { tenantId: payload.tid, memberId: payload.sub, sessionId: payload.sid }
    return payload.key ? { kind: 'exchange', ...session, apiKeyId: payload.key } : { kind: 'member', ...session }
  } catch {
    return null
  }
}

/**
 * Opaque secrets (API keys, refresh tokens, invitations) carry their tenant and their record's id, then 32 random bytes:
 * `cak_<base64url of tenant, id, secret>`. Only the SHA-256 of the random part is stored; at 256 bits of entropy a slow
 * hash would add nothing.
 */
export function newSecret(
  prefix: 'cak' | 'crt' | 'cin',
  tenantId: string,
  id: string,
): { token: string; hash: Buffer } {
  const secret = randomBytes(32)
  const token = `${prefix}_${Buffer.concat([bytesOf(tenantId), bytesOf(id), secret]).toString('base64url')}`
  return { token, hash: createHash('sha256').update(secret).digest() }
}

export function readSecret(
  prefix: 'cak' | 'crt' | 'cin',
  token: string,
): { tenantId: string; id: string; hash: Buffer } | null {
  if (!token.startsWith(`${prefix}_`) || !/^[\w-]{86}$/.test(token.slice(prefix.length + 1))) return null
  const bytes = Buffer.from(token.slice(prefix.length + 1), 'base64url')
  if (bytes.length !== 64 || !isCanonical(token.slice(prefix.length + 1))) return null
  return {
    tenantId: uuidOf(bytes.subarray(0, 16)),
    id: uuidOf(bytes.subarray(16, 32)),
    hash: createHash('sha256').update(bytes.subarray(32)).digest(),
  }
}

/** base64url has spare bits at its end, so that several texts stand for the same bytes: only one of them counts. */
function isCanonical(text: string): boolean {
  const written = Buffer.from(Buffer.from(text, 'base64url').toString('base64url'))
  return written.length === Buffer.byteLength(text) && timingSafeEqual(written, Buffer.from(text))
}

const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex')

function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
