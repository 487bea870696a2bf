import type { Parsed } from '../../channel.ts'
import { at, camelCased, compact, isObject, type JsonObject, type JsonValue, textAt } from '../../json.ts'
import type { MessageEvent, PreferenceEvent } from '../../neutral.ts'
import { timeOf } from '../../time.ts'
import { detailOf, type Item, sidesOf, syntheticId } from './item.ts'

/**
 * Things that happened in a conversation without anybody saying anything: how somebody came, who answers, what they
 * agreed to. They stand in the history and open no window.
 */
export function parseSystem(source: Item): Parsed {
  const { customer, business } = sidesOf(source)
  if (customer.identities.length === 0) return { outcome: 'ignored', reason: 'no_customer' }
  const detail = detailOf(source)
  const { event, text, ...more } = happening(source, detail)
  const referral = source.name === 'referral' ? camelCased(detail) : undefined
  const occurredAt = timeOf(at(source.item, 'timestamp'))
  const message: MessageEvent = {
    type: 'message',
    externalId: syntheticId(source),
    direction: 'inbound',
    historical: source.isStandby,
    from: customer,
    to: business,
    occurredAt,
    message: { type: 'system', content: { event, ...more, ...(source.isStandby ? { standby: true } : {}) }, text },
    media: [],
    ...(isObject(referral) ? { referral } : {}),
  }
  const wish = source.name === 'optin' ? wishOf(detail) : undefined
  if (wish === undefined) return { outcome: 'events', events: [message] }
  const preference: PreferenceEvent = { type: 'preference', from: customer, ...wish, occurredAt }
  return { outcome: 'events', events: [message, preference] }
}

interface Happening extends JsonObject {
  event: string
  text: string
}

function happening({ name = 'message' }: Item, detail: JsonValue): Happening {
  const told = isObject(detail) ? toldOf(detail) : {}
  switch (name) {
    case 'referral': {
      const source = textAt(detail, 'source')?.toLowerCase().replaceAll('_', ' ')
      return { event: 'referral', ...told, text: `[came by ${source ?? 'a link'}]` }
    }
    case 'pass_thread_control':
      return { ...told, event: 'handover', action: 'passed', text: '[the conversation was passed to another app]' }
    case 'take_thread_control':
      return { ...told, event: 'handover', action: 'taken', text: '[another app took over the conversation]' }
    case 'request_thread_control':
      return { ...told, event: 'handover', action: 'requested', text: '[another app asked for the conversation]' }
    case 'account_linking': {
      const status = textAt(detail, 'status')
      return { event: 'account_linking', ...compact({ status }), text: `[account ${status ?? 'linking'}]` }
    }
    case 'message_request': {
      const action = textAt(detail) ?? textAt(detail, 'action')
      return {
        event: 'message_request',
        ...compact({ action }),
        text: action === 'accept' ? '[message request accepted]' : '[message request]',
      }
    }
    case 'optin': {
      const topic = textAt(detail, 'title') ?? textAt(detail, 'ref') ?? textAt(detail, 'payload')
      return { ...told, event: 'optin', text: ['[opt-in]', topic].filter((part) => part !== undefined).join(' ') }
    }
    default:
      return { ...told, event: name, text: `[${name.replaceAll('_', ' ')}]` }
  }
}

/** Tokens let their bearer write to the person: they stay in the raw event. */
function toldOf(detail: JsonObject): JsonObject {
  const told = camelCased(Object.fromEntries(Object.entries(detail).filter(([key]) => !/token$|_code$/.test(key))))
  return isObject(told) ? told : {}
}

/** A subscription to marketing messages, or its end, as the person tapped it. */
function wishOf(detail: JsonValue): Pick<PreferenceEvent, 'category' | 'state' | 'detail'> | undefined {
  if (textAt(detail, 'type') !== 'notification_messages') return undefined
  const status = textAt(detail, 'notification_messages_status')
  const state = status === 'STOP_NOTIFICATIONS' ? 'stop' : 'resume'
  const topic = textAt(detail, 'title') ?? textAt(detail, 'topic')
  const frequency = textAt(detail, 'notification_messages_frequency')
  return { category: 'marketing', state, detail: compact({ type: 'notification_messages', status, topic, frequency }) }
}
