import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { conditionSchema } from '../../access/condition.ts'
import { idOf, type Resource } from '../../access/define.ts'
import { rowsWhere, sight } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import type { JsonRow, ReadPlan } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { ruled } from '../../db/reference.ts'
import { fetchPlan, type Include } from '../../db/rows.ts'
import { array, named, type SQL, sql } from '../../db/sql.ts'
import { missed } from '../../db/tombstone.ts'
import { present, viewOf } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { channels } from '../channels/schema.ts'
import { contacts } from '../contacts/schema.ts'
import { conversations } from '../conversations/schema.ts'
import { members } from '../members/schema.ts'
import { messages } from '../messages/schema.ts'
import { teams } from '../teams/schema.ts'
import { idList } from '../values.ts'
import { actionsSchema } from './actions.ts'
import { decide, type Facts, isAsked, nothing, type Rule } from './decide.ts'
import { conditionFaults, routingFields, ruleCondition } from './fields.ts'
import { routingEvents } from './occasion.ts'
import { isCounting, rosterFrom } from './queries.ts'
import { referenceFaults } from './references.ts'
import { actionFaults } from './rights.ts'
import type { Roster } from './roster.ts'
import { memberColumns, memberRow, turnColumns, turnRow } from './roster-rows.ts'

const body = z
  .strictObject({
    rule: z
      .strictObject({
        event: z.enum(routingEvents).meta({ description: 'When it is asked.', example: 'message_received' }),
        channelIds: idList('The channels on which it holds; none: all.').optional(),
        when: conditionSchema.nullish(),
        actions: actionsSchema,
      })
      .meta({ description: 'The draft.' }),
    conversationId: idOf('A conversation to try it on, as it is now; its last message stands for the one that comes.'),
    consent: z
      .strictObject({
        category: z.enum(['marketing', 'all']).meta({ description: 'About what.', example: 'marketing' }),
        state: z.enum(['stop', 'resume']).meta({ description: 'What was said.', example: 'stop' }),
      })
      .optional()
      .meta({ description: 'For the event `consent_changed`: what the contact says.' }),
  })
  .meta({ id: 'RoutingSimulation', description: 'A draft of a rule, and a conversation to try it on.' })

const answer = z
  .object({
    asked: z
      .boolean()
      .meta({ description: 'Whether the rule is about the conversation’s channel at all.', example: true }),
    holds: z.boolean().meta({ description: 'Whether its condition holds.', example: true }),
    conversation: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What it would set of the conversation.', example: { priority: 'high' } }),
    assigned: z.boolean().meta({
      description: 'Whether somebody would get the conversation; who, is said of members whom you see.',
      example: true,
    }),
    contact: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What it would set of the contact.', example: { followUpStatus: 'to call' } }),
  })
  .meta({ id: 'SimulatedRouting', description: 'What a rule would do, alone, at this moment. Nothing is done.' })

type Draft = z.infer<typeof body>

export function simulateRoute(app: FastifyInstance, { db }: Deps): void {
  app.post('/v1/routing-rules/simulate', {
    config: { access: { action: 'read', resource: 'routing-rules' } },
    schema: operation('routing-rules.simulate', 'Try a draft of a rule on a conversation', {
      body,
      response: { 200: answer },
      errors: ['not_found', 'unprocessable', 'erased'],
      idempotent: true,
      description:
        'What the rule would do with the conversation as you see it: it asks about what you see in clear, does what you may do, names what you see, and nothing else. Nothing is kept, and nobody’s turn passes.',
    }),
    handler: async (request) => {
      const caller = callerOf(request)
      const asked = body.parse(request.body)
      const result = await db.read(caller, { action: 'read', resource: 'conversations' }, (principal) =>
        plan(principal, asked),
      )
      if (!result.rows?.[0]) throw missed(result)
      return outcome(caller.principal, asked, result)
    },
  })
}

const links: readonly Include[] = [
  { name: 'contact', model: contacts, link: 'contactId' },
  { name: 'message', model: messages, link: 'lastMessageId' },
  { name: 'channel', model: channels, link: 'channelId' },
]

function plan(principal: Principal, { rule, conversationId }: Draft): ReadPlan {
  const include = links.filter(({ link }) => sight(principal, conversations, link)?.clear === true)
  const found = fetchPlan(principal, conversations, conversationId, include)
  const here = (alias: string): SQL => sql`${sql.identifier(alias)}.tenant_id = ${principal.tenantId}::uuid`
  const isSeen = (alias: string, { table, tenant, id, name }: Resource): SQL => {
    const model = principal.ability.models.get(name)
    const rows = model ? rowsWhere(principal, model, 'read') : false
    return rows
      ? sql`${sql.identifier(alias)}.id IN (SELECT ${id} FROM ${table} WHERE ${tenant} = ${principal.tenantId}::uuid AND ${rows})`
      : sql`false`
  }
  const isActive = sql`m.status = 'active' AND m.state = 'active'`
  return {
    ...found,
    key: null,
    query: { simulate: 'routing-rules' },
    parts: () => [
      ...found.parts(),
      aside(
        'place',
        sql`v.business_unit_id AS "unitId"`,
        sql`app.conversation AS v`,
        sql`${here('v')} AND v.id = ${named('id')}::uuid`,
      ),
      aside(
        'members',
        sql`${memberColumns(isCounting([rule]))}, ${isSeen('m', members)} AS "isSeen"`,
        sql`app.member AS m`,
        sql`${here('m')} AND ${isActive}`,
      ),
      aside('turns', turnColumns, sql`app.routing_cursor AS u`, here('u')),
      aside('teams', sql`t.id`, sql`app.team AS t`, sql`${here('t')} AND t.state = 'active' AND ${isSeen('t', teams)}`),
      aside(
        'channels',
        sql`h.id, h.business_unit_id AS "unitId"`,
        sql`app.channel AS h`,
        sql`${here('h')} AND h.state = 'active' AND h.id = ANY (${array(rule.channelIds ?? [], 'uuid')}) AND ${isSeen('h', channels)}`,
      ),
    ],
  }
}

/** A member, and whether whoever asks sees them. */
const listedMember = memberRow.extend({ isSeen: z.boolean() })

/** @throws Problem unprocessable: what the draft asks about, does or names is not theirs */
function check(principal: Principal, { rule }: Draft, unitId: string, result: Record<string, JsonRow[]>): void {
  const rights = [
    ...conditionFaults(rule.when, principal, unitId, '/rule/when'),
    ...actionFaults(rule.actions, principal, unitId, '/rule/actions'),
  ]
  if (rights.length > 0) throw ruled(...rights)
  const ids = (rows: readonly JsonRow[] = []): Set<string> => new Set(rows.map(({ id }) => String(id)))
  const takers = membersIn(result).filter((one) => one.isSeen && (one.seesAllUnits || one.unitIds.includes(unitId)))
  const known = {
    channels: ids(result.channels?.filter((one) => one.unitId === unitId)),
    teams: ids(result.teams),
    members: new Set(takers.map(({ id }) => id)),
  }
  const faults = referenceFaults({ channelIds: rule.channelIds ?? [], actions: rule.actions }, known, '/rule')
  if (faults.length > 0) throw ruled(...faults)
}

const membersIn = (result: Record<string, JsonRow[]>): z.infer<typeof listedMember>[] =>
  z.array(listedMember).parse(result.members ?? [])

/** What it takes to tell whose turn it would be; nothing of it is answered but the one. */
const aside = (name: string, columns: SQL, from: SQL, where: SQL): Part => ({
  name,
  resource: null,
  columns,
  from,
  tenant: null,
  where,
  shown: [],
  masked: [],
  byRow: false,
})

function outcome(principal: Principal, asked: Draft, result: Record<string, JsonRow[]>): JsonRow {
  const { rule, consent } = asked
  const unitId = String(result.place?.[0]?.unitId)
  check(principal, asked, unitId, result)
  const seen = (part: string, model: Resource): JsonRow | null => {
    const [row] = result[part] ?? []
    return row ? present(model, viewOf(principal, model), row) : null
  }
  // The unit decides who may be given the conversation, also where whoever asks is not shown it.
  const conversation = { ...seen('rows', conversations), businessUnitId: unitId }
  const facts: Facts = {
    conversation,
    contact: seen('contact', contacts),
    channel: seen('channel', channels) ?? {},
    message: seen('message', messages),
    consent: consent ?? null,
  }
  const fields = routingFields(principal.ability.models)
  const when = rule.when ? ruleCondition(rule.when, fields) : null
  const draft: Rule = {
    id: 'draft',
    businessUnitId: unitId,
    channelIds: rule.channelIds ?? [],
    event: rule.event,
    when,
    actions: rule.actions,
    continues: false,
  }
  const decision = nothing()
  const isAbout = isAsked(draft, rule.event, facts)
  decide([draft], fields, rule.event, facts, rosterIn(result), decision)
  const { assigneeId, ...others } = decision.conversation
  const isHidden =
    typeof assigneeId === 'string' && !membersIn(result).some((one) => one.id === assigneeId && one.isSeen)
  return {
    asked: isAbout,
    holds: decision.ruleIds.length > 0,
    conversation: isHidden ? others : decision.conversation,
    assigned: typeof assigneeId === 'string',
    contact: decision.contact,
  }
}

function rosterIn(result: Record<string, JsonRow[]>): Roster {
  const members = membersIn(result)
  const teams = (result.teams ?? []).map(({ id }) => ({ id: String(id) }))
  const known = z.array(turnRow).parse(result.turns ?? [])
  // A team that has never shared out anything begins.
  const fresh = teams.flatMap(({ id }) =>
    known.some(({ teamId }) => teamId === id) ? [] : [{ teamId: id, turn: 0, turns: {} }],
  )
  const wanted = { teams: new Set<string>(), members: new Set(members.map(({ id }) => id)) }
  return rosterFrom({ turns: [...known, ...fresh], members, teams }, wanted, new Date())
}
