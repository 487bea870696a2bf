import type { ShapePart } from '../../audit/touched.ts'
import { utc } from '../../db/view.ts'
import type { Doings } from './queries.ts'
import type { ReportedAccess, ReportPrincipal } from './schema.ts'

type Names = Record<string, string[]>

/** The fields in parts of events by resource, once each; what was seen in clear once is not named as masked. */
export function fieldsIn(shape: readonly ShapePart[]): { shown: Names; masked: Names } {
  const shown: Names = {}
  const masked: Names = {}
  for (const [resource, parts] of Map.groupBy(shape, (part) => part.resource)) {
    const clear = new Set(parts.flatMap((part) => part.shown))
    const veiled = new Set(parts.flatMap((part) => part.masked).filter((name) => !clear.has(name)))
    if (clear.size > 0) shown[resource] = [...clear].sort()
    if (veiled.size > 0) masked[resource] = [...veiled].sort()
  }
  return { shown, masked }
}

/** Whether anything of the person was shown. */
const isSight = ({ outcome, shape }: Pick<Doings, 'outcome' | 'shape'>): boolean =>
  outcome === 'allowed' && shape.some((part) => part.shown.length > 0 || part.masked.length > 0)

export const sightsIn = (doings: readonly Doings[]): number => sum(doings.filter(isSight))
export const refusedIn = (doings: readonly Doings[]): number => sum(doings.filter((one) => one.outcome === 'denied'))
const sum = (doings: readonly Doings[]): number => doings.reduce((count, one) => count + one.count, 0)

/** By who it was and what it was for; whoever saw the most stands first. */
export function accesses(
  doings: readonly Doings[],
  who: (kind: string, id: string | null) => ReportPrincipal,
): ReportedAccess[] {
  const byWho = Map.groupBy(doings, (one) => JSON.stringify([one.actorKind, one.actorId, one.onBehalfOf]))
  return [...byWho.values()]
    .map((own) => ({ own, sights: sightsIn(own) }))
    .sort((a, b) => b.sights - a.sights)
    .flatMap(({ own }): ReportedAccess[] => {
      const [first] = own
      if (!first) return []
      return [
        {
          principal: who(first.actorKind, first.actorId),
          ...(first.onBehalfOf === null ? {} : { onBehalfOf: who('member', first.onBehalfOf) }),
          purposes: [...Map.groupBy(own, (one) => one.purpose)].map(([purpose, same]) => ({
            purpose,
            ...fieldsIn(same.filter(isSight).flatMap((one) => one.shape)),
            actions: actionsOf(same),
            times: sightsIn(same),
            refused: refusedIn(same),
            firstAt: utc(extreme(same.map((one) => one.first)).least),
            lastAt: utc(extreme(same.map((one) => one.last)).most),
          })),
        },
      ]
    })
}

function actionsOf(doings: readonly Doings[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { action, outcome, count } of doings)
    if (outcome === 'allowed') counts[action] = (counts[action] ?? 0) + count
  return counts
}

/** Times as the database writes them, in one zone; those with fewer digits are compared as moments. */
function extreme(times: readonly string[]): { least: string; most: string } {
  const sorted = times.toSorted((a, b) => Date.parse(a) - Date.parse(b) || (a < b ? -1 : 1))
  return { least: sorted[0] ?? '', most: sorted.at(-1) ?? '' }
}
