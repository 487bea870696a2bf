import type { Parsed } from '../channel.ts'
import { at, camelCased, compact, isObject, listAt, numberAt, textAt } from '../json.ts'
import { classOf } from '../meta/errors.ts'
import type { StatusEvent } from '../neutral.ts'
import { timeOf } from '../time.ts'
import { WHATSAPP_ERRORS } from './errors.ts'
import { customerOfItem, groupOfItem, type Item } from './event.ts'

/** A voice message that was played was read, more than read. */
const STATUS: ReadonlyMap<string, StatusEvent['status']> = new Map([
  ['sent', 'sent'],
  ['delivered', 'delivered'],
  ['read', 'read'],
  ['played', 'read'],
  ['failed', 'failed'],
  ['deleted', 'deleted'],
])

export function parseStatus(source: Item): Parsed {
  const { item } = source
  const providerStatus = textAt(item, 'status')
  const externalId = textAt(item, 'id')
  const status = STATUS.get(providerStatus?.toLowerCase() ?? '')
  if (providerStatus === undefined || externalId === undefined)
    return { outcome: 'failed', reason: 'status_incomplete' }
  if (status === undefined) return { outcome: 'failed', reason: 'status_unknown' }
  const event: StatusEvent = {
    type: 'status',
    externalId,
    status,
    providerStatus,
    recipient: customerOfItem(source),
    occurredAt: timeOf(at(item, 'timestamp')),
  }
  const messageId = textAt(item, 'biz_opaque_callback_data')
  const group = groupOfItem(item)
  const error = errorOf(source)
  const billing = camelCased(compact({ conversation: at(item, 'conversation'), pricing: at(item, 'pricing') }))
  if (messageId !== undefined) event.messageId = messageId
  if (group !== undefined) event.thread = { id: group, kind: 'group' }
  if (error !== undefined && status === 'failed') event.error = error
  if (isObject(billing) && Object.keys(billing).length > 0) event.billing = billing
  return { outcome: 'events', events: [event] }
}

function errorOf({ item }: Item): StatusEvent['error'] {
  const [error] = listAt(item, 'errors')
  if (error === undefined) return { code: 'unknown', message: 'the provider gave no reason', class: 'permanent' }
  const code = textAt(error, 'code') ?? 'unknown'
  const message =
    textAt(error, 'error_data', 'details') ??
    textAt(error, 'message') ??
    textAt(error, 'title') ??
    'the provider gave no reason'
  return { code, message, class: classOf(WHATSAPP_ERRORS, numberAt(error, 'code') ?? -1) }
}
