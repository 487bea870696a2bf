import type { JsonRow } from '../../db/database.ts'
import type { LockedRow } from '../../db/row-changes.ts'
import { Problem } from '../../errors.ts'
import { fault } from '../../http/problem.ts'
import { comparedFields, eitherFields, fieldOf, type JoinedFields, textsOf } from './fields.ts'

/**
 * Refuses a merge that would show the caller what it does not see in clear on the contact where it stands: rights may
 * depend on the row, and joining a contact with one's own is no way to look at it. Of a dry run it is as true: whoever
 * reads a masked value reveals it, with a reason and within the quota.
 *
 * A field that is hidden on one of the two is named as well where it has a value there. That there is one is more than
 * its own contact tells; but whoever may join the two must be able to say whose value stays, and to refuse hidden fields
 * whether or not they have a value would refuse nearly every merge of somebody who sees more of their own contacts. The
 * refusal is on record, with whom it named.
 * @param answer the contact that stays, with everything that was joined, as the caller would see it
 * @throws Problem unprocessable, `would_reveal` for each such field
 */
export function refuseRevealed(
  answer: JsonRow,
  ours: LockedRow,
  theirs: LockedRow,
  joined: JoinedFields,
  otherId: string,
): void {
  const taken = new Set(joined.changes.map(({ field }) => field))
  const fields = [...comparedFields(ours.clear, theirs.clear), ...eitherFields]
  const names = fields.filter(
    (field) => isClear(answer, field) && !isClear((taken.has(field) ? theirs : ours).view, field),
  )
  const kept = textsOf(ours.clear.tags).some((tag) => !joined.tagsRemoved.includes(tag))
  const lists = [
    { name: 'tags', isOurs: kept, isTheirs: joined.tagsAdded.length > 0 },
    { name: 'externalIds', isOurs: isFilled(ours.clear.externalIds), isTheirs: isFilled(theirs.clear.externalIds) },
  ]
  for (const { name, isOurs, isTheirs } of lists)
    if (isClear(answer, name) && ((isOurs && !isClear(ours.view, name)) || (isTheirs && !isClear(theirs.view, name))))
      names.push(name)
  if (names.length === 0) return
  throw new Problem('unprocessable', {
    errors: names.map((name) =>
      fault(
        `/fields/${name}`,
        'would_reveal',
        'You do not see this value in clear on the contact where it stands, and would once they are one.',
      ),
    ),
    recordIds: [otherId],
  })
}

function isClear(record: JsonRow, field: string): boolean {
  const { maskedFields } = record
  return fieldOf(record, field) !== null && !(Array.isArray(maskedFields) && maskedFields.includes(field))
}

const isFilled = (list: unknown): boolean => Array.isArray(list) && list.length > 0
