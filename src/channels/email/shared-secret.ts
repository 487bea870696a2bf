import type { Post, Verdict } from '../channel.ts'
import { sameSecret } from '../constant-time.ts'
import { headerOf } from '../headers.ts'

/**
 * A secret that stands in the address of a post: as the password of basic auth (`https://any:secret@host/…`), as a bearer
 * token, in the header `x-webhook-secret`, or as the parameter `secret`. For providers that sign nothing. A secret with
 * a colon is compared with "user:password" too.
 */
export function verifySharedSecret(post: Post, secret: string | undefined): Verdict {
  if (secret === undefined || secret === '') return { ok: false, reason: 'secret_missing' }
  const given = givenSecrets(post)
  if (given.length === 0) return { ok: false, reason: 'signature_missing' }
  // All are compared, whichever fits: the time tells nothing.
  const fitting = given.filter((one) => sameSecret(one, secret))
  return fitting.length > 0 ? { ok: true } : { ok: false, reason: 'signature_invalid' }
}

function givenSecrets({ headers, query }: Post): string[] {
  const authorization = headerOf(headers, 'authorization')
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)$/.exec(authorization ?? '') ?? []
  const given: (string | undefined)[] = [headerOf(headers, 'x-webhook-secret'), query.secret]
  if (scheme.toLowerCase() === 'bearer') given.push(credentials)
  if (scheme.toLowerCase() === 'basic') {
    const pair = Buffer.from(credentials, 'base64').toString('utf8')
    given.push(pair, pair.slice(pair.indexOf(':') + 1))
  }
  return given.filter((one): one is string => one !== undefined && one !== '')
}
