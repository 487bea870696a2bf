const windowMs = 60_000
/** How many first refusals of a channel are on record in a window, however many addresses they come from. */
const recordedMax = 60
/** How often a channel is read again for a post that does not verify, before it is read once in `reloadMs` only. */
const reloadsMax = 60
const reloadMs = 1000

interface Window {
  /** Who was refused and why, each once. */
  recorded: Set<string>
  refused: number
  reloads: number
  reloadedAt: number
  timer: NodeJS.Timeout
}

/**
 * The refused posts of each channel within a minute. A channel's id is no secret: whoever knows it can have as many
 * posts refused as it likes, and each of them shall cost a hash, not a commit. Valid posts are never counted.
 */
export class Refusals {
  readonly #windows = new Map<string, Window>()
  readonly #summed: (channelId: string, unrecorded: number) => void

  /** @param summed is told at a window's end how many refusals are not on record, if any. */
  constructor(summed: (channelId: string, unrecorded: number) => void) {
    this.#summed = summed
  }

  /** Whether this refusal is to be recorded: the first of its reason and address in the channel's window. */
  add(channelId: string, reason: string, address: string): boolean {
    const window = this.#window(channelId)
    window.refused++
    const key = `${reason} ${address}`
    if (window.recorded.has(key) || window.recorded.size >= recordedMax) return false
    window.recorded.add(key)
    return true
  }

  /** Whether a channel may be read again, to see if its secret has changed. */
  mayReload(channelId: string): boolean {
    const window = this.#window(channelId)
    const now = performance.now()
    if (++window.reloads > reloadsMax && now - window.reloadedAt < reloadMs) return false
    window.reloadedAt = now
    return true
  }

  /** Ends all windows. */
  close(): void {
    for (const channelId of [...this.#windows.keys()]) this.#end(channelId)
  }

  /** There are as many at most as there are channels. */
  #window(channelId: string): Window {
    const known = this.#windows.get(channelId)
    if (known) return known
    const timer = setTimeout(() => this.#end(channelId), windowMs).unref()
    const window = { recorded: new Set<string>(), refused: 0, reloads: 0, reloadedAt: 0, timer }
    this.#windows.set(channelId, window)
    return window
  }

  #end(channelId: string): void {
    const window = this.#windows.get(channelId)
    if (!window) return
    clearTimeout(window.timer)
    this.#windows.delete(channelId)
    const unrecorded = window.refused - window.recorded.size
    if (unrecorded > 0) this.#summed(channelId, unrecorded)
  }
}
