import type { Parsed } from '../../channel.ts'
import { at, listAt, textAt } from '../../json.ts'
import type { NeutralEvent } from '../../neutral.ts'
import { timeOf } from '../../time.ts'
import { detailOf, type Item, sidesOf } from './item.ts'

/**
 * Delivered or read: the messages by their mids, and everything until the watermark. Messenger may leave the mids of
 * deliveries out; Instagram names one mid that was read.
 */
export function parseProgress(source: Item): Parsed {
  const detail = detailOf(source)
  const { customer: recipient } = sidesOf(source)
  if (recipient.identities.length === 0) return { outcome: 'failed', reason: 'no_recipient' }
  const status = source.name === 'read' ? 'read' : 'delivered'
  const upTo = timeOf(at(detail, 'watermark'))
  const occurredAt = timeOf(at(source.item, 'timestamp')) ?? upTo
  const mids = [textAt(detail, 'mid'), ...listAt(detail, 'mids').map((mid) => textAt(mid))]
  const events = [...new Set(mids)].flatMap((externalId): NeutralEvent[] =>
    externalId === undefined
      ? []
      : [{ type: 'status', externalId, status, providerStatus: status, recipient, occurredAt }],
  )
  if (upTo !== null) events.push({ type: 'progress', status, upTo, recipient, occurredAt })
  return events.length === 0 ? { outcome: 'ignored', reason: 'no_watermark' } : { outcome: 'events', events }
}
