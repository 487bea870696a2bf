import { Problem } from '../../errors.ts'
import { addressBlock } from '../../http/address-block.ts'
import { FixedWindows } from '../../http/fixed-windows.ts'

/** Bytes that may come in, in this process. */
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

const hourMs = 3_600_000

/** Counts the bytes of uploads as they come, whatever becomes of the files. */
export class UploadAllowance {
  readonly #limits: UploadLimits
  readonly #addresses = new FixedWindows(hourMs)
  readonly #channels = new FixedWindows(24 * hourMs)

  constructor(limits: UploadLimits = uploadLimits) {
    this.#limits = limits
  }

  /**
   * The same bytes, for as long as the address and the channel may send more: however many come at once, they end
   * together.
   * @throws Problem rate_limited, in the middle of a file too
   */
  async *metered(who: { ip: string; channelId: string }, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.take(who, 0)
    for await (const piece of bytes) {
      this.take(who, piece.length)
      yield piece
    }
  }

  /** @param bytes 0 asks whether there may be any */
  take({ ip, channelId }: { ip: string; channelId: string }, bytes: number, now = Date.now()): void {
    const counted = [
      { window: this.#addresses.of(addressBlock(ip), now), max: this.#limits.perAddressAndHour },
      { window: this.#channels.of(channelId, now), max: this.#limits.perChannelAndDay },
    ]
    const full = counted.find(({ window, max }) => window.used + Math.max(bytes, 1) > max)
    if (full) {
      const seconds = Math.ceil((full.window.until - now) / 1000)
      throw new Problem('rate_limited', { headers: { 'retry-after': String(seconds) } })
    }
    for (const { window } of counted) window.used += bytes
  }
}
