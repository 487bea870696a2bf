import type { Caller } from '../db/database.ts'
import { Problem } from '../errors.ts'
import type { Deps } from './records.ts'

/**
 * Thrown inside a change that needs another one first, which has an audit event of its own: it is rolled back, the other
 * one done, and then it runs again with the principal as it is by then.
 */
export class Beforehand extends Error {
  readonly change: (deps: Deps, caller: Caller) => Promise<void>

  constructor(change: Beforehand['change']) {
    super('another change comes first')
    this.change = change
  }
}

/**
 * Runs a change with what it finds to need first.
 * @throws Problem conflict when something keeps undoing what it needs
 */
export async function withBeforehand<T>(deps: Deps, caller: Caller, run: () => Promise<T>): Promise<T> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof Beforehand)) throw error
      await error.change(deps, caller)
      const renewed = await deps.db.renewed(caller.principal)
      if (!renewed) throw new Problem('unauthenticated')
      caller.principal = renewed
    }
  }
  throw new Problem('conflict')
}
