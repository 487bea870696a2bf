import type { Post } from '../../src/channels/channel.ts'
import type { Headers } from '../../src/channels/headers.ts'

/** A provider's post with these bytes. */
export function postOf(body: string | Buffer, headers: Headers = {}, query: Post['query'] = {}): Post {
  return { headers, query, rawBody: Buffer.from(body), receivedAt: new Date() }
}
