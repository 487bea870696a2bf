/** What has been used of a window, and when it ends (milliseconds since 1970). */
export interface Window {
  used: number
  until: number
}

/** Counts by name in windows of fixed length, in this process. */
export class FixedWindows {
  readonly #ms: number
  readonly #windows = new Map<string, Window>()

  constructor(ms: number) {
    this.#ms = ms
  }

  /** How many names are remembered. */
  get size(): number {
    return this.#windows.size
  }

  /** The window that counts for a name now. */
  of(name: string, now = Date.now()): Window {
    const known = this.#windows.get(name)
    if (known && known.until > now) return known
    this.#forget(now)
    const window = { used: 0, until: now + this.#ms }
    // To the end of the map, which is in the order in which windows end.
    this.#windows.delete(name)
    this.#windows.set(name, window)
    return window
  }

  /** Each is looked at once when it is over: whoever makes up names makes no request slower. */
  #forget(now: number): void {
    for (const [name, { until }] of this.#windows) {
      if (until > now) return
      this.#windows.delete(name)
    }
  }
}
