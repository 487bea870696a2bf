import { isObject, type JsonValue, textAt } from '../../../src/channels/json.ts'

/** Some files are one item of `messaging`: it was sent to the page that it names as recipient, echoes by it. */
export function webhookOf(sample: JsonValue): JsonValue {
  if (!isObject(sample) || 'object' in sample) return sample
  const echo = isObject(sample.message) && sample.message.is_echo === true
  const page = textAt(sample, echo ? 'sender' : 'recipient', 'id') ?? '0'
  return { object: 'page', entry: [{ id: page, time: 1_790_000_000_000, messaging: [sample] }] }
}
