import type { Condition, Scalar } from './condition.ts'

/**
 * Whether every row for which `given` holds is one for which `wanted` holds; null stands for every row. It proves by
 * form and never guesses: what it cannot prove it denies, so that a yes is always true.
 */
export function implies(given: Condition | null, wanted: Condition | null): boolean {
  if (wanted === null) return true
  if (given === null) return false
  return prove(given, wanted, new Map())
}

/** Parts meet again and again in nested conditions: what has been found of two is kept. */
type Known = Map<Condition, Map<Condition, boolean>>

function prove(given: Condition, wanted: Condition, known: Known): boolean {
  const before = known.get(given)?.get(wanted)
  if (before !== undefined) return before
  const found = decide(given, wanted, known)
  known.set(given, (known.get(given) ?? new Map()).set(wanted, found))
  return found
}

function decide(given: Condition, wanted: Condition, known: Known): boolean {
  if (wanted.op === 'and') return wanted.of.every((part) => prove(given, part, known))
  if (given.op === 'or') return given.of.every((part) => prove(part, wanted, known))
  if (wanted.op === 'or' && wanted.of.some((part) => prove(given, part, known))) return true
  if (given.op === 'and' && given.of.some((part) => prove(part, wanted, known))) return true
  // Conditions are two-valued, so that a `not` may be turned round.
  if (given.op === 'not' && wanted.op === 'not') return prove(wanted.of, given.of, known)
  return proveLeaf(given, wanted)
}

function proveLeaf(given: Condition, wanted: Condition): boolean {
  // An empty list holds for no row, and of no row everything is true.
  if (given.op === 'in' && given.values.length === 0) return true
  if (!('field' in given) || !('field' in wanted) || given.field !== wanted.field) return false
  const [some, all] = [among(given), among(wanted)]
  // Of a list field as well: whatever has one of these has one of more than these.
  if (some && all) return some.every((value) => all.includes(value))
  if (given.op === 'in' || wanted.op === 'in') return false
  if (given.op === wanted.op && given.value === wanted.value) return true
  return proveBound(given.op, given.value, wanted.op, wanted.value)
}

/** Whatever is beyond a bound is beyond all that lie before it. Of numbers only: others have an order of their own. */
function proveBound(op: string, bound: Scalar | boolean, wanted: string, than: Scalar | boolean): boolean {
  if (typeof bound !== 'number' || typeof than !== 'number') return false
  const isUpper = op === 'lt' || op === 'lte'
  if (!bounds.includes(op) || !bounds.includes(wanted) || isUpper !== (wanted === 'lt' || wanted === 'lte'))
    return false
  // The same bound by the same operator is known already.
  if (bound === than) return wanted.endsWith('e')
  return isUpper ? bound < than : bound > than
}

const bounds: readonly string[] = ['lt', 'lte', 'gt', 'gte']

/** The values of which a field must be one, or have one. */
function among(condition: Condition): readonly Scalar[] | null {
  if (condition.op === 'in') return condition.values
  return condition.op === 'eq' ? [condition.value] : null
}
