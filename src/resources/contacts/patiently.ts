import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../errors.ts'
import { StillSending } from '../../privacy/erase.ts'

/** How long a request waits for a message that is with its provider, and for whoever else was in the way. */
const patienceMs = 5_000
const pauseMs = 250

/** Tries again for a while what others stand in the way of: a message on its way out, a transaction in a circle. */
export async function patiently<T>(run: () => Promise<T>): Promise<T> {
  const until = performance.now() + patienceMs
  for (;;) {
    try {
      return await run()
    } catch (error) {
      const isBusy = error instanceof StillSending
      if (!(isBusy || isDeadlock(error))) throw error
      if (performance.now() < until) await sleep(pauseMs)
      else if (isBusy)
        throw new Problem('conflict', {
          detail: 'A message to this person is being sent at this moment.',
          headers: { 'retry-after': '10' },
        })
      else throw error
    }
  }
}

function isDeadlock(error: unknown): boolean {
  const cause = error instanceof Problem ? error.options.cause : null
  return cause instanceof Error && 'code' in cause && (cause.code === '40P01' || cause.code === '40001')
}
