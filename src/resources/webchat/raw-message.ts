import type { RawEvent } from '../../channels/channel.ts'
import { visitorPost } from '../../channels/webchat/visitor-post.ts'
import type { ChatVisitor } from './visitors.ts'

/** What a visitor said as a raw event, by the channel's own code; the bytes of files go beside it. */
export function rawMessage({ known, visitor }: ChatVisitor, message: Parameters<typeof visitorPost>[1]): RawEvent {
  const rawBody = Buffer.from(JSON.stringify(visitorPost(visitor, message)))
  const split = known.type.split({ headers: {}, query: {}, rawBody, receivedAt: new Date() }, known.settings)
  const [event] = 'events' in split ? split.events : []
  if (!event) throw new Error('a visitor’s message is not understood by its own channel')
  if (message.files.length === 0) return event
  return { ...event, blob: Buffer.concat(message.files.map((file) => file.bytes)) }
}
