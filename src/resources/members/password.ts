import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

// OWASP's recommendation for argon2id (RFC 9106): 19 MiB, two passes, one lane.
const settings = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
const run = promisify(argon2) as (algorithm: 'argon2id', options: object) => Promise<Buffer>

/** Passwords are compared in one normal form, so that the same keys on another keyboard are the same password. */
const bytes = (password: string): Buffer => Buffer.from(password.normalize('NFKC'))

/** A PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$hash */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const tag = await run('argon2id', { ...settings, message: bytes(password), nonce })
  const b64 = (value: Buffer): string => value.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${settings.memory},t=${settings.passes},p=${settings.parallelism}$${b64(nonce)}$${b64(tag)}`
}

/** With null (no such account) it takes as long as with a hash, so that time tells nothing. */
export async function passwordMatches(password: string, phc: string | null): Promise<boolean> {
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/]+)\$([\w+/]+)$/.exec(phc ?? '')
  const expected = match ? Buffer.from(match[5] ?? '', 'base64') : randomBytes(32)
  const tag = await run('argon2id', {
    message: bytes(password),
    nonce: match ? Buffer.from(match[4] ?? '', 'base64') : randomBytes(16),
    memory: Number(match?.[1] ?? settings.memory),
    passes: Number(match?.[2] ?? settings.passes),
    parallelism: Number(match?.[3] ?? settings.parallelism),
    tagLength: expected.length,
  })
  return match !== null && timingSafeEqual(tag, expected)
}
