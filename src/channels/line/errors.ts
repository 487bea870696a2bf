import { type JsonValue, listAt, textAt } from '../json.ts'
import type { FailureClass } from '../neutral.ts'

/** A reply token is good once and for a minute; LINE says so in words alone. */
export function isSpentReplyToken(status: number, answer: JsonValue): boolean {
  return status === 400 && /invalid reply token/i.test(textAt(answer, 'message') ?? '')
}

/** What a text quotes cannot be quoted (any more): the text itself can still be sent. */
export function isBadQuote(status: number, answer: JsonValue): boolean {
  const words = [answer, ...listAt(answer, 'details')].map((part) =>
    [textAt(part, 'message'), textAt(part, 'property')].join(' '),
  )
  return status === 400 && words.some((text) => /quote ?token/i.test(text))
}

/**
 * What a status means for us. Source: LINE, Messaging API "Status codes" and "Error responses".
 * 429 is said of too many requests in a second, which passes, and of the month's quota, which only a plan changes.
 */
export function classOf(status: number, answer: JsonValue): FailureClass {
  if (status === 401 || status === 403) return 'reauthorise'
  if (status === 429) return /monthly limit/i.test(textAt(answer, 'message') ?? '') ? 'limit' : 'transient'
  return status === 408 || status >= 500 ? 'transient' : 'permanent'
}
