import { channel } from 'node:diagnostics_channel'

/**
 * What happens inside, told to whoever counts it: names and numbers, never an id or anybody's value. Whoever tells knows
 * nothing of who listens, and nobody listening costs nothing.
 */
const inbound = channel('custodia.inbound-events')

export interface InboundCount {
  /** What became of them: stored, duplicate, rejected on arrival; processed, ignored, suppressed, failed later. */
  status: string
  count: number
}

/** Tells what became of inbound events, once it is committed. */
export function countInbound(status: string, count = 1): void {
  if (count > 0 && inbound.hasSubscribers) inbound.publish({ status, count } satisfies InboundCount)
}

/** @returns what ends the listening */
export function onInbound(listener: (told: InboundCount) => void): () => void {
  // Only countInbound publishes there.
  const hear = (told: unknown): void => listener(told as InboundCount)
  inbound.subscribe(hear)
  return () => void inbound.unsubscribe(hear)
}

const sealing = channel('custodia.sealing')

export interface SealingState {
  /** Committed events that no checkpoint covers, of all tenants. */
  unsealed: number
  /** Age of the oldest of them. */
  lagSeconds: number
  /** Made since it was told last. */
  checkpoints: number
}

/** Tells how far the sealing of the audit is behind. */
export function tellSealing(state: SealingState): void {
  if (sealing.hasSubscribers) sealing.publish(state)
}

/** @returns what ends the listening */
export function onSealing(listener: (state: SealingState) => void): () => void {
  // Only tellSealing publishes there.
  const hear = (told: unknown): void => listener(told as SealingState)
  sealing.subscribe(hear)
  return () => void sealing.unsubscribe(hear)
}
