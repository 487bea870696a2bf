import type { Condition, Scalar } from './condition.ts'

/**
 * Fewer conditions that together hold for the same rows: many roles say the same in many words. `null` holds for every
 * row.
 *
 * Each condition is taken as a list of parts that must all hold. Of conditions that differ in one part only, about one
 * field, the parts become one: a list of values, or the wider of two bounds. One whose parts are all among another's
 * makes that other superfluous. What is not such a list stays as it is.
 */
export function anyOf(conditions: readonly (Condition | null)[]): readonly Condition[] | null {
  if (conditions.includes(null)) return null
  let all = distinct(conditions.flatMap((one) => (one ? [partsOf(one)] : [])))
  for (;;) {
    const joined = join(all)
    if (joined.length === all.length) break
    all = joined
  }
  const kept = all.length > absorbMax ? all : absorb(all)
  return kept.map((parts) => both([...parts.values()]))
}

/**
 * One condition that holds where one of them does, wherever `given` holds as well: what that asks for is not asked
 * again, and what all ask for is asked once. null: everywhere.
 */
export function oneOf(conditions: readonly Condition[], given: readonly Condition[]): Condition | null {
  if (conditions.length === 0) throw new Error('there is no one of none')
  const known = ordered(given.map(asList))
  const all = conditions.map((one) => new Map([...partsOf(one)].filter(([key]) => !known.has(key))))
  const [first] = all
  if (!first || all.some((parts) => parts.size === 0)) return null
  const common = [...first].filter(([key]) => all.every((parts) => parts.has(key)))
  for (const parts of all) for (const [key] of common) parts.delete(key)
  const rests = all.map((parts) => both([...parts.values()]))
  const rest: Condition[] = all.some((parts) => parts.size === 0) ? [] : [{ op: 'or', of: rests }]
  return both([...common.map(([, part]) => part), ...rest])
}

function both(parts: readonly Condition[]): Condition {
  const [first, ...more] = parts.map(asValue)
  return first && more.length === 0 ? first : { op: 'and', of: first ? [first, ...more] : [] }
}

/** Comparing each with each is worth it for so many. */
const absorbMax = 300

type Parts = ReadonlyMap<string, Condition>

/** By their own text, in one order, so that equal lists are equal. */
function partsOf(condition: Condition): Parts {
  const flat = (one: Condition): Condition[] => (one.op === 'and' ? one.of.flatMap(flat) : [asList(one)])
  return ordered(flat(condition))
}

const ordered = (parts: readonly Condition[]): Parts =>
  new Map(parts.map((part) => [JSON.stringify(part), part] as const).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))

/** `eq` is a list of one value. */
const asList = (one: Condition): Condition =>
  one.op === 'eq'
    ? { op: 'in', field: one.field, values: [one.value] }
    : one.op === 'in'
      ? { ...one, values: [...one.values].sort(byText) }
      : one

/** And back: an index gives the rows of one value in its own order. */
function asValue(one: Condition): Condition {
  const [value] = one.op === 'in' ? one.values : []
  return one.op === 'in' && one.values.length === 1 && value !== undefined ? { op: 'eq', field: one.field, value } : one
}

const distinct = (all: readonly Parts[]): Parts[] => [
  ...new Map(all.map((parts) => [JSON.stringify([...parts.keys()]), parts])).values(),
]

/** One step of joining: conditions that are the same but for a part about one field. */
function join(all: readonly Parts[]): Parts[] {
  const left = new Set(all)
  const names = new Set(all.flatMap((parts) => [...parts.values()].flatMap((part) => placeOf(part) ?? [])))
  for (const place of names) {
    const groups = new Map<string, { rest: Condition[]; parts: Parts[]; own: Condition[] }>()
    for (const parts of left) {
      const own = [...parts.values()].filter((part) => placeOf(part) === place)
      const [one] = own
      if (!one || own.length > 1) continue
      const rest = [...parts.values()].filter((part) => part !== one)
      const key = JSON.stringify(rest)
      const group = groups.get(key) ?? { rest, parts: [], own: [] }
      group.parts.push(parts)
      group.own.push(one)
      groups.set(key, group)
    }
    for (const { rest, parts, own } of groups.values()) {
      if (own.length < 2) continue
      for (const one of parts) left.delete(one)
      left.add(ordered([...rest, own.reduce(union)]))
    }
  }
  return distinct([...left])
}

/** What can be joined with its like: a list of values of a field, or a bound of it. */
function placeOf(part: Condition): string | null {
  const isBound = part.op === 'lt' || part.op === 'lte' || part.op === 'gt' || part.op === 'gte'
  return part.op === 'in' || (isBound && typeof part.value === 'number') ? `${part.op} ${part.field}` : null
}

/** What holds where one or the other does; both about the same place. */
function union(one: Condition, other: Condition): Condition {
  if (one.op === 'in' && other.op === 'in')
    return { op: 'in', field: one.field, values: [...new Set([...one.values, ...other.values])].sort(byText) }
  const isUpper = one.op === 'lt' || one.op === 'lte'
  return isUpper === boundOf(one) > boundOf(other) ? one : other
}

const boundOf = (one: Condition): number => ('value' in one && typeof one.value === 'number' ? one.value : 0)

const byText = (one: Scalar, other: Scalar): number => (String(one) < String(other) ? -1 : 1)

/** Without those that ask for all that another asks for, and more. */
function absorb(all: readonly Parts[]): Parts[] {
  return all.filter(
    (parts) => !all.some((other) => other.size < parts.size && [...other.keys()].every((key) => parts.has(key))),
  )
}
