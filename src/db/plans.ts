import type { Action } from '../access/actions.ts'
import type { Principal } from '../access/principal.ts'
import type { Meta } from './audit-event.ts'
import type { InsertParts } from './insert-statement.ts'
import type { Part } from './read-statement.ts'

/** Whoever asks, with where the request came from. The principal is renewed when its standing has changed. */
export interface Caller {
  principal: Principal
  readonly meta: Meta
  /** The right that let it in; asked for again when the principal is renewed. */
  readonly needs?: { action: Action; resource: string }
}

/** A read: its parts are built once per ability and key, its values given at each run. */
export interface ReadPlan {
  /** Names the statement among those of the same ability, for parts that depend on nothing else; null: not kept. */
  key: string | null
  /** Requests decide which statements of this kind there are: only those used often are worth a place at the server. */
  isAskedFor?: boolean
  parts: () => readonly Part[]
  values: Readonly<Record<string, unknown>>
  /** The one id that is asked for: finding nothing is a refusal. */
  wanted?: string
  query?: unknown
  /** How many clear values it counts as, against the quota of whoever asks; above it, it is refused. */
  clearValues?: number
}

/** A change whose rows are all new; built once per key, its values given at each run. */
export interface InsertPlan {
  key: string
  parts: () => InsertParts
  values: Readonly<Record<string, unknown>>
}
