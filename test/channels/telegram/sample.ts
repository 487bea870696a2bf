import { isObject, type JsonValue } from '../../../src/channels/json.ts'

/** Some files are answers of `getUpdates`: a webhook posts their updates one by one. */
export function updatesOf(sample: JsonValue): JsonValue[] {
  return isObject(sample) && Array.isArray(sample.result) ? sample.result : [sample]
}
