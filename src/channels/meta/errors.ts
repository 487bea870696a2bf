import type { FailureClass } from '../neutral.ts'

/**
 * What an error of the Graph API means for us, in sending and in failed statuses alike. What is not listed is
 * permanent: repeating it would be a guess.
 *
 * reauthorise: somebody must act in the business account (token, permissions, payment, locked or
 * unregistered account). limit: sending less is the only cure (spam, marketing caps).
 * transient: the same request may succeed later.
 */
export type ErrorTable = ReadonlyMap<string, FailureClass>

/** Rows of a table: a code, or "code/subcode". */
export function rows(failure: FailureClass, keys: (number | string)[]): [string, FailureClass][] {
  return keys.map((key) => [String(key), failure])
}

/** Those that every product of Meta's answers. Source: Meta, Graph API "Handle errors". */
const COMMON: ErrorTable = new Map([
  ...rows('reauthorise', [3, 10, 102, 190, 368]),
  ...rows('transient', [1, 2, 4, 17, 32, 341, 613]),
])

/** @param own the product's own codes, which come first; a subcode comes before its code */
export function classOf(own: ErrorTable, code: number, subcode?: number): FailureClass {
  const key = `${code}/${subcode ?? ''}`
  const known = own.get(key) ?? own.get(String(code)) ?? COMMON.get(String(code))
  if (known !== undefined) return known
  // 200–299: the token lacks a permission.
  return code >= 200 && code <= 299 ? 'reauthorise' : 'permanent'
}

const HOURLY_BUDGETS = new Set([4, 17, 32, 613, 80001, 80002, 80006, 80007])

/**
 * Limits of the app, the page, the number or the business account: whatever else is sent from there meets them too.
 * 131056 is that of one recipient. Source: Meta, Graph API "Rate limits", Cloud API "Throughput" and "Pair rate limits".
 */
export const pausesAccount = (code: number): boolean => HOURLY_BUDGETS.has(code) || code === 130429

/** How long to wait where the provider documents it and sends no Retry-After. */
export function retryDelayMs(code: number): number | undefined {
  if (code === 131056) return 6_000 // WhatsApp: one message per 6 s to one recipient
  if (code === 130429) return 1_000 // WhatsApp: per-second throughput
  return HOURLY_BUDGETS.has(code) ? 60_000 : undefined
}
