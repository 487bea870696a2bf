import type { FailureClass } from '../neutral.ts'

/**
 * What an error code of the Cloud API means for us, in sending and in failed statuses alike.
 * Source: Meta, Cloud API error codes. What is not listed is permanent: repeating it would be a guess.
 *
 * reauthorise: somebody must act in the business account (token, permissions, payment, locked or
 * unregistered account). limit: sending less is the only cure (spam, marketing caps).
 * transient: the same request may succeed later.
 */
const CLASS_BY_CODE = new Map<number, FailureClass>([
  ...codes('window_closed', [131047, 470]),
  ...codes('opted_out', [131050]),
  ...codes('limit', [131048, 131049, 131064, 130497]),
  ...codes('reauthorise', [0, 3, 10, 190, 368, 131005, 131031, 131042, 131045, 133010, 133015]),
  ...codes('transient', [1, 2, 4, 613, 80007, 130429, 131000, 131016, 131056, 131057, 133004, 133016]),
])

function codes(failure: FailureClass, numbers: number[]): [number, FailureClass][] {
  return numbers.map((number) => [number, failure])
}

export function classOf(code: number): FailureClass {
  // 200–299: the token lacks a permission.
  if (code >= 200 && code <= 299) return 'reauthorise'
  return CLASS_BY_CODE.get(code) ?? 'permanent'
}

/** How long to wait where the provider documents it and sends no Retry-After. */
export function retryDelayMs(code: number): number | undefined {
  if (code === 131056) return 6_000 // one message per 6 s to one recipient
  if (code === 130429) return 1_000 // per-second throughput
  if (code === 4 || code === 80007 || code === 613) return 60_000 // hourly budgets of the app or the account
  return undefined
}
