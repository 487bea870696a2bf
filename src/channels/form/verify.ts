import { createHmac } from 'node:crypto'
import type { Post, Verdict } from '../channel.ts'
import { sameSecret } from '../constant-time.ts'
import { headerOf } from '../headers.ts'
import type { FormSettings } from './settings.ts'

/**
 * Whether a post comes from the form's provider. Forms are open to everybody, so that an unsigned one is no less to be
 * believed than a signed one; where a secret is set, only what shows it is taken. Everything in a form stays a claim.
 */
export function verifyForm({ headers, query, rawBody }: Post, { kind, signingSecret }: FormSettings): Verdict {
  if (signingSecret === undefined || kind === 'html') return { ok: true }
  if (kind === 'jotform') return shown(query.secret, signingSecret)
  const mac = createHmac('sha256', signingSecret).update(rawBody).digest('base64')
  return kind === 'typeform'
    ? shown(headerOf(headers, 'typeform-signature'), `sha256=${mac}`)
    : shown(headerOf(headers, 'tally-signature'), mac)
}

function shown(given: string | undefined, expected: string): Verdict {
  if (given === undefined || given === '') return { ok: false, reason: 'signature_missing' }
  return sameSecret(given, expected) ? { ok: true } : { ok: false, reason: 'signature_invalid' }
}
