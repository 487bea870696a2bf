import type { Post, RawEvent, Split } from '../channel.ts'
import { canonicalHash, isObject, type JsonObject, type JsonValue, manyAt, parseJson, textAt } from '../json.ts'
import { whatsappEvents } from '../whatsapp/split.ts'
import { messagingEvents } from './messaging/split.ts'

/** A product of Meta's, which is a type of channels here. */
export type MetaProduct = 'messenger' | 'instagram' | 'whatsapp'

interface Product {
  type: MetaProduct
  split: (entries: readonly JsonValue[]) => RawEvent[]
}

/** What a body says that it is about. */
const PRODUCTS: ReadonlyMap<string, Product> = new Map<string, Product>([
  ['page', { type: 'messenger', split: (entries) => messagingEvents('messenger', entries) }],
  ['instagram', { type: 'instagram', split: (entries) => messagingEvents('instagram', entries) }],
  ['whatsapp_business_account', { type: 'whatsapp', split: whatsappEvents }],
])

/**
 * A webhook `{object, entry: []}` of any of Meta's products: an app has one secret, and whoever set it up may have
 * entered the address of one channel for all of its products. So the body tells whose events it holds, not the address.
 * Whatever has another shape is kept whole under "unknown". Source: Meta, Graph API "Webhooks".
 */
export function splitMeta(own: MetaProduct, { rawBody }: Post): Split {
  const body = parseJson(rawBody)
  if (body === undefined) return { malformed: 'invalid_json' }
  if (!isObject(body)) return { malformed: 'not_an_object' }
  const product = PRODUCTS.get(textAt(body, 'object') ?? '')
  const entries = manyAt(body, 'entry')
  if (product === undefined || (entries.length === 0 && !Array.isArray(body.entry)))
    return { events: [unknownEvent(body)], rejected: [] }
  const events = product.split(entries)
  const { type } = product
  return { events: type === own ? events : events.map((event) => ({ ...event, type })), rejected: [] }
}

const unknownEvent = (body: JsonObject): RawEvent => ({
  account: null,
  dedupeKey: `unknown:#${canonicalHash(body)}`,
  lane: null,
  kind: 'unknown',
  occurredAt: null,
  payload: body,
})
