import { z } from 'zod'
import { conditionSchema } from '../../access/condition.ts'
import { commonFields, defineResource, idOf } from '../../access/define.ts'
import { routingRule } from '../../db/tables/inbox.ts'
import { idList, text } from '../values.ts'
import { actionsSchema } from './actions.ts'
import { routingEvents } from './occasion.ts'

export const routingRules = defineResource({
  name: 'routing-rules',
  title: 'RoutingRule',
  description:
    'What happens by itself when something happens in a conversation. Of the rules of an event the first one that holds is done, and the ones behind it where it says so.',
  table: routingRule,
  tenant: routingRule.tenantId,
  id: routingRule.id,
  unit: routingRule.businessUnitId,
  state: routingRule.state,
  sort: 'position',
  fields: {
    ...commonFields(routingRule),
    name: {
      column: routingRule.name,
      schema: text(100, 'What the rule is called.', 'German customers'),
      write: 'always',
      required: true,
      search: 'text',
    },
    position: {
      column: routingRule.position,
      schema: z
        .int()
        .min(0)
        .max(1_000_000)
        .meta({ description: 'Where it stands among the rules: lower ones come first.', example: 10 }),
      write: 'always',
      required: true,
    },
    enabled: {
      column: routingRule.enabled,
      schema: z.boolean().meta({ description: 'Whether it is in force.', example: true }),
      write: 'always',
    },
    disabledReason: {
      column: routingRule.disabledReason,
      kind: 'choice',
      schema: z.string().meta({
        description: 'Why the service switched it off: `field_deleted`, a field that it asks about is gone.',
        example: 'field_deleted',
      }),
    },
    businessUnitId: {
      column: routingRule.businessUnitId,
      schema: idOf('The business unit for whose conversations it holds; set once.'),
      write: 'create',
    },
    channelIds: {
      column: routingRule.channelIds,
      schema: idList('The channels on which it holds; none: all of the business unit.'),
      write: 'always',
    },
    event: {
      column: routingRule.event,
      kind: 'choice',
      schema: z.enum(routingEvents).meta({
        description:
          'When it is asked: a conversation came into being, the contact wrote (each time), a message opened one that was closed, the contact said how they may be contacted. What is brought in from the past is no event.',
        example: 'conversation_created',
      }),
      write: 'always',
      required: true,
    },
    when: {
      column: routingRule.condition,
      schema: conditionSchema,
      write: 'always',
      whole: true,
    },
    actions: {
      column: routingRule.actions,
      schema: actionsSchema,
      write: 'always',
      required: true,
      nullable: false,
    },
    continue: {
      column: routingRule.continues,
      schema: z
        .boolean()
        .meta({ description: 'Whether the rules behind it are asked too, when it holds.', example: false }),
      write: 'always',
    },
  },
})
