import { addressBlock } from '../../http/address-block.ts'
import type { Allowance } from './allowance.ts'

/** Bytes that may come in. */
export interface UploadLimits {
  perAddressAndHour: number
  perChannelAndDay: number
}

/**
 * A visitor costs nothing to be, so that what one may upload limits nobody. An address has per hour what one visitor
 * may leave here (20 files of 10 MiB) and somewhat more, as offices are behind some. A channel has per day what 16
 * addresses have: uploads are kept for a day, so that this is what strangers can fill of the disk with one channel.
 */
export const uploadLimits: UploadLimits = {
  perAddressAndHour: 256 * 1024 * 1024,
  perChannelAndDay: 4 * 1024 * 1024 * 1024,
}

const hourSeconds = 3_600
/** What has come in is counted in such pieces, and at the end of a file. */
const countedBytes = 256 * 1024

/** Counts the bytes of uploads as they come, whatever becomes of the files, for all processes together. */
export class UploadAllowance {
  readonly #allowance: Allowance
  readonly #limits: UploadLimits

  constructor(allowance: Allowance, limits: UploadLimits = uploadLimits) {
    this.#allowance = allowance
    this.#limits = limits
  }

  /**
   * The same bytes, for as long as the address and the channel may send more: however many come at once, they end
   * together.
   * @throws Problem rate_limited, in the middle of a file too
   */
  async *metered(who: { ip: string; channelId: string }, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    await this.take(who, 0)
    let uncounted = 0
    try {
      for await (const piece of bytes) {
        uncounted += piece.length
        if (uncounted >= countedBytes) {
          await this.take(who, uncounted)
          uncounted = 0
        }
        yield piece
      }
      await this.take(who, uncounted)
      uncounted = 0
    } finally {
      // What was refused for another reason has come in all the same; what is too much now is on nobody's account.
      if (uncounted > 0) await this.take(who, uncounted).catch(() => {})
    }
  }

  /** @param bytes 0 asks whether there may be any */
  async take({ ip, channelId }: { ip: string; channelId: string }, bytes: number): Promise<void> {
    const { perAddressAndHour, perChannelAndDay } = this.#limits
    await this.#allowance.take(
      [
        { subject: `upload/address/${addressBlock(ip)}`, max: perAddressAndHour, windowSeconds: hourSeconds },
        { subject: `upload/channel/${channelId}`, max: perChannelAndDay, windowSeconds: 24 * hourSeconds },
      ],
      bytes,
    )
  }
}
