import type { Readable } from 'node:stream'
import type { ChannelType } from '../../channels/channel.ts'
import { channelTypes } from '../../channels/index.ts'
import { Problem } from '../../errors.ts'

/** Of most providers: WhatsApp's posts are the largest of those (3 MB). */
const usualBytesMax = 4 * 1024 * 1024

/** Bytes of a post to a channel at most; a channel that is not known takes no more than others. */
export const postBytesMax = (type: Pick<ChannelType, 'postBytesMax'> | undefined): number =>
  type?.postBytesMax ?? usualBytesMax

/** Of any channel: what the route itself lets in. */
export const postBytesMaxOfAll = Math.max(...channelTypes.map(postBytesMax))

/**
 * Reads a post as it is on the wire, in one piece of memory where its length is told: a mail of 35 MB is not there twice.
 * Whoever posts has not proved anything yet, so not a byte more is taken than the channel's own kind of posts has.
 * @param declared the header content-length
 * @throws Problem body_too_large, invalid_request where the length is not what was declared
 */
export async function readPost(body: Readable, declared: string | undefined, bytesMax: number): Promise<Buffer> {
  const length = declared === undefined ? null : Number(declared)
  if (length !== null && !(length <= bytesMax)) throw tooLarge()
  const pieces: Buffer[] = []
  const whole = length === null ? null : Buffer.allocUnsafe(length)
  let size = 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    const end = size + piece.length
    if (end > (length ?? bytesMax)) throw tooLarge()
    if (whole) piece.copy(whole, size)
    else pieces.push(piece)
    size = end
  }
  if (whole && size !== whole.length) throw new Problem('invalid_request')
  return whole ?? Buffer.concat(pieces)
}

/** What is left of the body is not read: the connection ends with the answer. */
const tooLarge = (): Problem => new Problem('body_too_large', { headers: { connection: 'close' } })
