import type { Post, Split } from '../channel.ts'
import { parseJson, textAt } from '../json.ts'
import { visitorAddresses, visitorOf } from './visitor-post.ts'

/** A visitor's message, as the hub posts it; known by the visitor and the page's own id of it. */
export function splitWebchat({ rawBody, receivedAt }: Post): Split {
  const body = parseJson(rawBody)
  if (body === undefined) return { malformed: 'invalid_json' }
  const visitor = visitorOf(body)
  const id = textAt(body, 'id')
  if (visitor === undefined || id === undefined) return { malformed: 'not_a_message' }
  return {
    events: [
      {
        account: null,
        dedupeKey: `message:${visitor.id}:${id}`,
        lane: `visitor:${visitorAddresses(visitor)[0] ?? visitor.id}`,
        kind: 'message',
        occurredAt: receivedAt,
        payload: body,
      },
    ],
    rejected: [],
  }
}
