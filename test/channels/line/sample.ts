import { isObject, type JsonValue } from '../../../src/channels/json.ts'

/** Some files are one event of `events`, one is a whole request. */
export function lineWebhookOf(sample: JsonValue): JsonValue {
  if (!isObject(sample)) return sample
  if (isObject(sample.body)) return sample.body
  return Array.isArray(sample.events) ? sample : { destination: 'Ubot', events: [sample] }
}
