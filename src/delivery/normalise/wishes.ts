import { randomUUIDv7 } from 'node:crypto'
import type { MessageEvent, Wish } from '../../channels/neutral.ts'
import type { ConsentEvent } from '../../privacy/consent-events.ts'
import { type StopWish, stopButton, stopWord } from '../../privacy/stop-words.ts'
import { type Cause, iso, type Records } from './records.ts'

/** With what a wish came. */
export type Occurrence = Pick<ConsentEvent, 'contactId' | 'identityId' | 'source' | 'evidence'> & {
  messageId: string | null
}

/** The wishes in a message: those that its form asked for, and a word that says stop. Machines want nothing. */
export function wishesOf(
  records: Records,
  event: MessageEvent,
  cause: Cause,
  place: Pick<Occurrence, 'contactId' | 'identityId' | 'messageId'>,
): void {
  for (const one of event.wishes ?? [])
    wish(records, one, cause, { ...place, source: 'form', evidence: { detail: one.detail } })
  const isSaid = event.direction === 'inbound' && !event.historical && event.automated === undefined
  const state = isSaid ? wordOf(event.message) : null
  if (state === null) return
  const evidence = { text: event.message.text }
  wish(records, { category: 'marketing', state }, cause, { ...place, source: 'keyword', evidence })
}

/** What somebody wrote, or chose of what was offered, says of being written to. */
function wordOf({ type, text }: MessageEvent['message']): StopWish | null {
  if (type === 'text') return stopWord(text)
  return type === 'button' || type === 'interactive' ? stopButton(text) : null
}

/** Puts down a wish of a contact, with the event that proves it. */
export function wish(
  records: Records,
  { category, state }: Pick<Wish, 'category' | 'state'>,
  { eventId, atMs }: Cause,
  { messageId, ...said }: Occurrence,
): void {
  records.consents.push({
    ...{ id: randomUUIDv7(), ...said, category, state },
    evidenceEventId: eventId,
    evidenceMessageId: messageId,
    occurredAt: iso(atMs),
  })
}
