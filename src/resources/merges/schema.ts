import { z } from 'zod'
import { idOf } from '../../access/define.ts'
import { customName } from '../../http/list-parameters.ts'
import { described } from '../../http/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { countedKinds } from './counts.ts'
import { singleFields } from './fields.ts'

const side = z.enum(['ours', 'theirs', 'both']).meta({
  description:
    '`ours`: the value of the contact that stays; `theirs`: of the one that goes into it; `both`: of tags only.',
  example: 'theirs',
})

const others = {
  mergeId: idOf('The contact that goes into this one.').optional(),
  contactIds: z
    .array(z.uuid().toLowerCase())
    .min(1)
    .max(10)
    .refine((all) => new Set(all).size === all.length, 'An id stands once.')
    .optional()
    .meta({
      description: 'Several contacts that go into this one, in this order; instead of `mergeId`.',
      example: ['0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'],
    }),
  dryRun: z
    .boolean()
    .default(false)
    .meta({ description: 'Says what would come of it, and does nothing.', example: true }),
}
const bodyOf = (name: z.ZodType<string>) =>
  z
    .strictObject({
      ...others,
      fields: z
        .record(name, side)
        .default({})
        .meta({
          description:
            'Whose value stays, by field. Left out: what is empty is filled, where both have a value this contact keeps its own, and tags are put together.',
          example: { displayName: 'theirs' },
        }),
    })
    .meta({ id: 'ContactMerge', description: 'An order to join contacts into one.' })

/** Whether there is such a field is for the door to say, in the same words for all that cannot be used. */
export const mergeBody = described(
  () =>
    bodyOf(
      contacts.custom
        ? z.union([z.enum([...singleFields, 'tags']), customName(contacts.custom)])
        : z.enum([...singleFields, 'tags']),
    ),
  bodyOf(z.string().min(1).max(120)),
)

const counts = z
  .object(
    Object.fromEntries(
      countedKinds.map((kind) => [
        kind,
        z
          .int()
          .optional()
          .meta({ description: `How many ${words(kind)}.`, example: 1 }),
      ]),
    ),
  )
  .meta({
    id: 'MergeCounts',
    description: 'How much came along, by kind, of what you see; a kind of which you see nothing is left out.',
  })

const value = z.unknown()
const conflict = z
  .object({
    contactId: idOf('The contact that goes into the other.'),
    field: z.string().meta({ description: 'The field of which both have a value.', example: 'displayName' }),
    ours: value
      .optional()
      .meta({ description: 'The value of the contact that stays, as you see it.', example: 'Anna' }),
    theirs: value.optional().meta({ description: 'The value of the other, as you see it.', example: 'Anna Müller' }),
    chosen: side,
    masked: z.literal(true).optional().meta({
      description: 'There where you see the values masked: whether they are the same is not told.',
      example: true,
    }),
  })
  .meta({ id: 'MergeConflict', description: 'A field of which only one value can stay.' })

export const mergeAnswer = z
  .object({
    contactId: idOf('The contact that stays.'),
    dryRun: z.boolean().meta({ description: 'Whether nothing was done.', example: false }),
    contact: contacts.answer,
    merges: z
      .array(
        z
          .object({
            id: idOf('The merge, by which it can be taken back; left out of a dry run.').optional(),
            contactId: idOf('The contact that went into the other.'),
            moved: counts,
          })
          .meta({ id: 'Merge', description: 'One contact that went into another.' }),
      )
      .meta({ description: 'One for each contact that went into it.' }),
    conflicts: z
      .array(conflict)
      .meta({ description: 'The fields of which one value was chosen, as far as you see them.' }),
  })
  .meta({ id: 'ContactMerged', description: 'What came, or would come, of a merge.' })

const unmergeOrder = z
  .strictObject({
    mergeId: idOf(
      'Which merge: its id, or that of the contact that went into the other. Left out: that of the contact itself where it went into another, else the last one into it.',
    ).optional(),
  })
  .meta({ id: 'ContactUnmerge', description: 'An order to take a merge back.' })

/** Without a body it is the one that is meant by itself. */
export const unmergeBody = described(
  () => unmergeOrder,
  z.preprocess((body) => body ?? {}, unmergeOrder),
)

export const unmergeAnswer = z
  .object({
    mergeId: idOf('The merge that was taken back.'),
    contactId: idOf('The contact that had stayed.'),
    unmergedId: idOf('The contact that is back.'),
    contact: contacts.answer,
    unmerged: contacts.answer,
  })
  .meta({ id: 'ContactUnmerged', description: 'Both contacts after a merge was taken back.' })

/** "externalIds" -> "external ids" */
function words(kind: string): string {
  return kind.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
