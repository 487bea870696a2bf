import { randomUUIDv7 } from 'node:crypto'
import type { MessageEvent, Wish } from '../../channels/neutral.ts'
import { type StopWish, stopButton, stopWord } from '../../privacy/stop-words.ts'
import { type Cause, iso, type Records } from './records.ts'

/** The wishes in a message: those that its form asked for, and a word that says stop. Machines want nothing. */
export function wishesOf(records: Records, event: MessageEvent, cause: Cause, contactId: string): void {
  for (const one of event.wishes ?? []) wish(records, one, 'event', cause, contactId)
  const isSaid = event.direction === 'inbound' && !event.historical && event.automated === undefined
  const state = isSaid ? wordOf(event.message) : null
  if (state !== null) wish(records, { category: 'marketing', state }, 'keyword', cause, contactId)
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
  evidenceKind: 'event' | 'keyword',
  { eventId, atMs }: Cause,
  contactId: string,
): void {
  records.consents.push({
    ...{ id: randomUUIDv7(), contactId, category, state, evidenceKind },
    source: records.channel.type,
    evidenceEventId: eventId,
    occurredAt: iso(atMs),
  })
}
