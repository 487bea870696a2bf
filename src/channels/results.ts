import type { RawEvent } from './channel.ts'
import type { Identity } from './neutral.ts'

/**
 * retry: certainly not sent, the same message may be tried again after `retryAfterMs`. `pauses`: the provider's limit is
 * that of the whole account, so that nothing else is sent from it until then; else only what goes to the same
 * recipient waits, behind this message.
 * failed: certainly not sent, trying again will not help; `reauthorise`: an administrator must act at
 * the provider; `limit`: the provider has had enough of this sender or recipient for now.
 * unknown: it may have been sent; never send it again by itself.
 */
export type SendResult =
  | { outcome: 'sent'; externalId: string; recipientIds: Identity[] }
  | { outcome: 'retry'; reason: string; retryAfterMs?: number; pauses?: 'account' }
  | {
      outcome: 'failed'
      code: string
      message: string
      class: 'permanent' | 'window_closed' | 'reauthorise' | 'opted_out' | 'limit'
    }
  | { outcome: 'unknown'; reason: string }

/** done: the provider knows us now. `steps` that a person must do all the same are said by `setup`. */
export type ConnectResult =
  | { outcome: 'done' }
  | { outcome: 'retry'; reason: string; retryAfterMs?: number }
  | { outcome: 'failed'; code: string; class: 'permanent' | 'reauthorise' }

/**
 * What became of an errand. `found`: what was fetched, to be taken in as if it had been posted. `isFetch`: without it
 * something has not come in; so once it is given up the event counts as failed, and can be replayed.
 */
export type ErrandResult =
  | { outcome: 'done'; found?: RawEvent[] }
  | { outcome: 'retry'; reason: string; isFetch?: true }
  | { outcome: 'failed'; code: string; class: 'permanent' | 'reauthorise'; isFetch?: true }

/** What the provider tells about a person: their own words, not proved. */
export interface Profile {
  displayName?: string
  username?: string
  givenName?: string
  familyName?: string
  /** BCP 47 */
  language?: string
  /** IANA; a provider's offset from UTC is none */
  timezone?: string
}
