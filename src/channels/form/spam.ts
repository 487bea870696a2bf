import { createHmac } from 'node:crypto'
import { sameSecret } from '../constant-time.ts'
import { at, isObject, type JsonValue, listAt, textAt } from '../json.ts'
import { allowsOrigin } from '../origins.ts'
import { timeOf } from '../time.ts'
import { shownAt } from './posted.ts'
import type { FormSettings } from './settings.ts'

const honeypotUsual = '_gotcha'
const fillSecondsUsual = 2
const linksUsual = 5
/** Whoever reads so many characters for links has read enough. */
const readMax = 200_000

/** The field that people do not see. */
export const honeypotOf = (settings: Partial<FormSettings>): string => settings.honeypot ?? honeypotUsual

/**
 * Why a stored HTML form is taken for spam. It is judged when it is processed, not when it comes in: whoever posts learns
 * nothing, and what a wrong setting kept out can be replayed once that is put right.
 */
export function spamReason(payload: JsonValue, settings: Partial<FormSettings>): string | undefined {
  const origin = textAt(payload, 'origin')
  const allowed = settings.allowedOrigins
  // A post without an origin comes from no browser, or from a program that could claim any.
  if (allowed && allowed.length > 0 && origin !== undefined && !allowsOrigin(allowed, origin)) return 'spam_origin'
  const trap = honeypotOf(settings)
  if (listAt(payload, 'fields').some((field) => textAt(field, 'name') === trap && isFilled(at(field, 'value'))))
    return 'spam_honeypot'
  return (
    spamByTime(payload, settings) ?? (links(payload) > (settings.linksMax ?? linksUsual) ? 'spam_links' : undefined)
  )
}

const isFilled = (value: JsonValue | undefined): boolean =>
  value !== undefined && value !== null && value !== false && !(typeof value === 'string' && value.trim() === '')

/** `_t` with the key that only the page's server has: `<time>.<hex HMAC-SHA256 of the time>`. */
function spamByTime(payload: JsonValue, { signingSecret, fillSecondsMin }: Partial<FormSettings>): string | undefined {
  const token = textAt(payload, 'shownAt')
  if (signingSecret !== undefined) {
    const [time = '', mac = ''] = (token ?? '').split('.')
    const expected = createHmac('sha256', signingSecret).update(time).digest('hex')
    if (time === '' || !sameSecret(mac.toLowerCase(), expected)) return 'spam_form_token'
  }
  const shown = shownAt(token)
  const received = timeOf(at(payload, 'receivedAt'))
  if (shown === null || received === null) return undefined
  const seconds = (received.getTime() - shown.getTime()) / 1000
  return seconds < (fillSecondsMin ?? fillSecondsUsual) ? 'spam_too_fast' : undefined
}

function links(payload: JsonValue): number {
  let left = readMax
  let found = 0
  for (const field of listAt(payload, 'fields')) {
    const value = isObject(field) ? field.value : undefined
    if (typeof value !== 'string') continue
    // One link is an answer; a text full of them is none.
    const text = value.slice(0, left)
    left -= text.length
    found += text.match(/\bhttps?:\/\/|\[url=|<a\s/gi)?.length ?? 0
  }
  return found
}
