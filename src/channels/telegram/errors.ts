import type { FailureClass } from '../neutral.ts'

interface Failure {
  code: string
  class: FailureClass
}

/**
 * Telegram's errors are sentences; those that mean something of their own for us, by what they have always held.
 * Source: Telegram, Bot API server, and what its users report.
 */
const SENTENCES: readonly (readonly [RegExp, string, FailureClass])[] = [
  [/bot was blocked by the user/i, 'blocked_by_user', 'opted_out'],
  [/user is deactivated/i, 'user_deactivated', 'permanent'],
  [/can't initiate conversation/i, 'cannot_initiate', 'permanent'],
  [/bot was kicked|not a member|CHANNEL_PRIVATE/i, 'not_a_member', 'permanent'],
  [/BUSINESS_PEER_USAGE_MISSING/i, 'business_chat_inactive', 'window_closed'],
  [
    /BUSINESS_CONNECTION_(INVALID|NOT_ALLOWED)|business connection not found/i,
    'business_connection_invalid',
    'permanent',
  ],
  [/chat not found|PEER_ID_INVALID/i, 'chat_not_found', 'permanent'],
  [
    /not enough rights|have no rights|CHAT_WRITE_FORBIDDEN|need administrator rights/i,
    'not_enough_rights',
    'permanent',
  ],
  [/too (long|big|large)/i, 'too_large', 'permanent'],
]

/** What an error of a method means. 401 and 404 without such a sentence are said of a token that is not good (any more). */
export function failureOf(status: number, description: string): Failure {
  if (status === 429) return { code: 'too_many_requests', class: 'transient' }
  for (const [sentence, code, failure] of SENTENCES)
    if (status < 500 && sentence.test(description)) return { code, class: failure }
  if (status === 401 || status === 404) return { code: 'unauthorised', class: 'reauthorise' }
  return { code: `http_${status}`, class: status === 408 || status >= 500 ? 'transient' : 'permanent' }
}
