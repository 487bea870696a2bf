import { z } from 'zod'
import { idOf, time } from '../../access/define.ts'

const uuid = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'

const names = (description: string) =>
  z
    .record(z.string(), z.array(z.string()))
    .meta({ description, example: { contacts: ['displayName', 'phone'], messages: ['text'] } })

const shown = names(
  'The fields that were shown in clear, by resource. An answer with several records names a field that was shown of at least one of them.',
)
const masked = names('The fields that were shown masked only, by resource.')

const who = z
  .object({
    kind: z
      .string()
      .meta({ description: 'member, apiKey, connector, system or anonymous; may grow.', example: 'member' }),
    id: z.uuid().nullable().meta({ description: 'Their id.', example: uuid }),
    name: z.string().optional().meta({ description: 'Their name, as far as you may read it.', example: 'Eva Kern' }),
  })
  .meta({ id: 'ReportPrincipal', description: 'Somebody who asked for something.' })

const times = z.int().meta({ description: 'How many times anything was shown.', example: 12 })

const purpose = z
  .object({
    purpose: z.string().nullable().meta({ description: 'What for; null: it was not said.', example: 'support' }),
    shown,
    masked,
    actions: z.record(z.string(), z.int()).meta({
      description: 'What was done, and how many times; refused attempts are not among it.',
      example: { read: 12, update: 1 },
    }),
    times,
    refused: z.int().meta({ description: 'How many attempts were refused: nothing was shown.', example: 0 }),
    firstAt: time('The first time.'),
    lastAt: time('The last time.'),
  })
  .meta({ id: 'ReportPurpose', description: 'What somebody saw of the person, for one purpose.' })

const principal = z
  .object({
    principal: who,
    onBehalfOf: who.optional().meta({ description: 'The member for whom a key acted.' }),
    purposes: z.array(purpose).meta({ description: 'By what it was for.' }),
  })
  .meta({ id: 'ReportedAccess', description: 'What somebody saw of the person.' })

const hash = (description: string) =>
  z.string().meta({ description, example: 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=' })

const sealed = z
  .object({
    leafIndex: z.int().meta({ description: 'Its place in the log, from 0 on.', example: 17 }),
    checkpoint: z.int().meta({ description: 'The size of the first checkpoint that seals it.', example: 120_312 }),
    leafHash: hash('SHA-256 of a zero byte and the sealed form, in base64.').optional(),
    proof: z.array(hash('A hash.')).optional().meta({
      description:
        'Its inclusion proof (RFC 6962) in the log of the report’s `checkpoint`, base64; only with `proofs=true`.',
      example: [],
    }),
  })
  .meta({ id: 'SealedPosition', description: 'Where an event stands in the sealed log.' })

const event = z
  .object({
    eventId: idOf('The audit event.'),
    occurredAt: time('When, by the database’s clock.'),
    principal: who,
    onBehalfOf: who.optional().meta({ description: 'The member for whom a key acted.' }),
    action: z.string().meta({ description: 'What was done.', example: 'read' }),
    resource: z.string().meta({ description: 'With what.', example: 'contacts' }),
    outcome: z.string().meta({ description: 'allowed or denied; may grow.', example: 'allowed' }),
    code: z.string().optional().meta({ description: 'Why it was refused.', example: 'not_found' }),
    purpose: z.string().optional().meta({ description: 'What for.', example: 'support' }),
    shown,
    masked,
    sealed: sealed
      .nullable()
      .meta({ description: 'Where it stands in the sealed log; null: it is seconds old and not sealed yet.' }),
    proofUrl: z.string().meta({
      description: 'Where its proof is, for whoever may read the event.',
      example: `/v1/audit-events/${uuid}/proof`,
    }),
  })
  .meta({ id: 'ReportEvent', description: 'One time that somebody had to do with the person’s data.' })

export const accessReport = z
  .object({
    contactId: idOf('The person’s contact; of one who was erased, the id that is left.'),
    erased: z.boolean().meta({ description: 'Whether the person was erased.', example: false }),
    generatedAt: time('When the report was made.'),
    from: time('Not before.').nullable(),
    to: time('Before.').nullable(),
    summary: z
      .object({
        principals: z.int().meta({ description: 'How many of them saw anything.', example: 3 }),
        times,
        refused: z.int().meta({ description: 'How many attempts were refused.', example: 0 }),
        events: z.int().meta({ description: 'How many events there are in all.', example: 41 }),
      })
      .meta({ id: 'ReportSummary', description: 'The sums of the report.' }),
    principals: z.array(principal).meta({ description: 'Everybody who had to do with the person’s data.' }),
    events: z.array(event).meta({ description: 'The single events of this page, newest first.' }),
    checkpoint: z.string().nullable().meta({
      description: 'The newest checkpoint, a signed note (c2sp.org/tlog-checkpoint); null: there is none yet.',
      example: null,
    }),
    endorsements: z.array(z.string()).meta({
      description:
        'The keys of the log, each vouched for by the one before (signed notes): whoever trusts one can follow.',
      example: [],
    }),
    nextCursor: z
      .string()
      .nullable()
      .meta({ description: 'Where the next page of events begins; null on the last.', example: null }),
  })
  .meta({ id: 'AccessReport', description: 'Who saw which data of a person, when and why.' })

export type AccessReport = z.infer<typeof accessReport>
export type ReportedAccess = z.infer<typeof principal>
export type ReportEvent = z.infer<typeof event>
export type ReportPrincipal = z.infer<typeof who>

const moment = (description: string) =>
  z.iso.datetime({ offset: true }).optional().meta({ description, example: '2026-11-01T00:00:00Z' })

export const reportParameters = z.strictObject({
  from: moment('Not before.'),
  to: moment('Before.'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(100)
    .meta({ description: 'How many single events a page has.', example: 100 }),
  cursor: z.string().min(1).max(4000).optional().meta({ description: 'The nextCursor of the page before.' }),
  proofs: z.enum(['true', 'false']).optional().meta({
    description: 'Whether each event comes with its inclusion proof; left out: on the page to print, and in JSON not.',
    example: 'true',
  }),
  whole: z.enum(['true', 'false']).default('false').meta({
    description:
      'All events in one file, however many: given out as they are read, each batch recorded before. `limit` and `cursor` do not count. A file that is cut off is no JSON, and a page without its end.',
    example: 'true',
  }),
})
