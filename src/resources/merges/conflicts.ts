import type { JsonRow } from '../../db/database.ts'
import type { LockedRow } from '../../db/row-changes.ts'
import { comparedFields, fieldOf, isConflict, isUnset, type Side } from './fields.ts'

/** A field of which both contacts have a value, as the caller sees the two. */
export interface Conflict {
  /** the one that goes into the other */
  contactId: string
  field: string
  ours?: unknown
  theirs?: unknown
  chosen: Side
  masked?: true
}

/**
 * The fields of which only one value can stay, among those that the caller sees of both. Of masked ones it is not told
 * whether the two are the same: all are named of which both have a value.
 */
export function conflictsOf(
  contactId: string,
  ours: LockedRow,
  theirs: LockedRow,
  choices: ReadonlyMap<string, Side>,
): Conflict[] {
  return comparedFields(ours.clear, theirs.clear).flatMap((field): Conflict[] => {
    const sides = [ours, theirs]
    const isShown = sides.every(({ seen }) => seen.shown.includes(field) || seen.masked.includes(field))
    const isMasked = sides.some(({ seen }) => seen.masked.includes(field))
    const [one, other] = [fieldOf(ours.clear, field), fieldOf(theirs.clear, field)]
    const isBoth = !(isUnset(field, one) || isUnset(field, other))
    if (!isShown || !(isMasked ? isBoth : isConflict(field, one, other))) return []
    return [
      {
        contactId,
        field,
        ...shown('ours', ours.view, field),
        ...shown('theirs', theirs.view, field),
        chosen: choices.get(field) ?? 'ours',
        ...(isMasked ? { masked: true as const } : {}),
      },
    ]
  })
}

/** A mask without a form shows nothing. */
function shown(side: 'ours' | 'theirs', view: JsonRow, field: string): JsonRow {
  const value = fieldOf(view, field)
  return value === null ? {} : { [side]: value }
}
