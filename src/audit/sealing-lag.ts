/** From here on the lag is an alert. */
export const lagSecondsMax = 60

/**
 * How far sealing is behind. Known per tenant from the last look at it; of one at which no look succeeds, everything
 * since the last that did may be unsealed.
 */
export class SealingLag {
  readonly #now: () => number
  readonly #tenants = new Map<
    string,
    { lookedAtMs: number; count: number; oldestAtMs: number | null; fails: boolean }
  >()
  /** When anything last went on; a loop that hangs looks at nothing. */
  #movedAtMs: number

  constructor(now: () => number = Date.now) {
    this.#now = now
    this.#movedAtMs = now()
  }

  /** There was something to do, or found to be nothing. */
  moved(): void {
    this.#movedAtMs = this.#now()
  }

  looked(tenantId: string, unsealed: { count: number; oldestSeconds: number }): void {
    const now = this.#now()
    this.moved()
    const oldestAtMs = unsealed.count > 0 ? now - unsealed.oldestSeconds * 1_000 : null
    this.#tenants.set(tenantId, { lookedAtMs: now, count: unsealed.count, oldestAtMs, fails: false })
  }

  failed(tenantId: string): void {
    this.moved()
    const known = this.#tenants.get(tenantId)
    if (known) known.fails = true
    else this.#tenants.set(tenantId, { lookedAtMs: this.#now(), count: 0, oldestAtMs: null, fails: true })
  }

  get unsealed(): number {
    return [...this.#tenants.values()].reduce((sum, one) => sum + one.count, 0)
  }

  /** @param idleMs for how long nothing need move */
  seconds(idleMs: number): number {
    const now = this.#now()
    let oldest = now - this.#movedAtMs > idleMs ? this.#movedAtMs : now
    for (const { lookedAtMs, oldestAtMs, fails } of this.#tenants.values())
      oldest = Math.min(oldest, oldestAtMs ?? (fails ? lookedAtMs : now))
    return (now - oldest) / 1_000
  }
}
