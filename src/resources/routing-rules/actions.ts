import { z } from 'zod'
import { idOf } from '../../access/define.ts'
import { text, word } from '../values.ts'

export const strategies = ['round_robin', 'least_open', 'member'] as const

const assign = z
  .strictObject({
    strategy: z.enum(strategies).meta({
      description:
        'round_robin: whoever of the team has been waiting longest for their turn; least_open: whoever has least to answer; member: this one.',
      example: 'round_robin',
    }),
    teamId: idOf('The team whose members share the work; left out: the conversation’s own.').optional(),
    memberId: idOf('The member, for the strategy `member`.').optional(),
    language: z
      .boolean()
      .optional()
      .meta({ description: 'Only members who speak the contact’s language, where that is known.', example: true }),
    workingHours: z
      .boolean()
      .optional()
      .meta({ description: 'Only members on duty; whoever has no working hours always is.', example: true }),
    reassign: z
      .boolean()
      .optional()
      .meta({ description: 'Also where somebody has the conversation already; else they keep it.', example: false }),
  })
  .meta({
    description:
      'Whom to give the conversation to. Members who are away get nothing; where nobody can take it, it stays with the team.',
  })

/** What a rule does, one thing each, in their order. */
export const actionSchema = z
  .union([
    z.strictObject({ assignTeam: idOf('Gives the conversation to this team.') }),
    z.strictObject({ assign }),
    z.strictObject({
      setStatus: z
        .enum(['open', 'pending', 'closed'])
        .meta({ description: 'Sets where the conversation stands.', example: 'pending' }),
    }),
    z.strictObject({
      setPriority: z
        .enum(['low', 'normal', 'high', 'urgent'])
        .meta({ description: 'Sets how urgent the conversation is.', example: 'high' }),
    }),
    z.strictObject({
      setFollowUpStatus: word('Sets the contact’s follow-up status, in the tenant’s words.', 'to call'),
    }),
    z.strictObject({ addTag: text(50, 'Adds a tag to the conversation.', 'vip') }),
    z.strictObject({
      setPurpose: word(
        'Says what the conversation is for, where nothing is said yet: a purpose does not change.',
        'support',
      ),
    }),
  ])
  .meta({ description: 'One thing that a rule does.', example: { setPriority: 'high' } })

export type RoutingAction = z.infer<typeof actionSchema>
export type Assignment = z.infer<typeof assign>

export const actionsSchema = z
  .array(actionSchema)
  .min(1)
  .max(10)
  .meta({ description: 'What is done, in this order.', example: [{ setPriority: 'high' }] })
