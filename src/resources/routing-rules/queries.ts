import { Ability } from '../../access/ability.ts'
import type { Condition } from '../../access/condition.ts'
import { tenantModels } from '../../access/custom-field.ts'
import type { CustomFieldDefinition, Models } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import { clearColumns } from '../../db/clear-columns.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { tableName } from '../../db/row-changes.ts'
import { array, named, type SQL, sql } from '../../db/sql.ts'
import type { RoutingAction } from './actions.ts'
import type { Rule } from './decide.ts'
import { type RuleFields, routingFields, ruleCondition, subjects } from './fields.ts'
import type { RoutingEvent } from './occasion.ts'
import { Roster, type RosterMember, type Turns } from './roster.ts'
import { memberColumns, type StoredTurns, turnColumns } from './roster-rows.ts'

/** A tenant's rules in force, with the fields that they may ask about. */
export interface RuleSet {
  version: string
  rules: readonly Rule[]
  fields: RuleFields
  /** the service itself, who knows the fields that the tenant has defined */
  principal: Principal
}

/** The last ones of each tenant, kept while their version lasts; they are asked with every batch of events. */
const known = new Map<string, RuleSet>()
const knownMax = 5_000

/** Which rules are in force, as something to compare: they change with their own version and with the policy. */
export async function ruleVersion(tx: Tx): Promise<string> {
  const statement = tx.kept(
    'routing/version',
    () =>
      sql`SELECT routing_version || '/' || policy_version AS version FROM app.tenant WHERE tenant_id = ${named('tenant')}::uuid`,
  )
  const [row] = await tx.query<{ version: string }>(statement, { tenant: tx.principal.tenantId })
  return row?.version ?? ''
}

/** @param version as `ruleVersion` has just said it, in the same transaction */
export async function ruleSet(tx: Tx, version: string): Promise<RuleSet> {
  const { tenantId } = tx.principal
  const last = known.get(tenantId)
  if (last?.version === version) return last
  const [rows, definitions] = await Promise.all([
    tx.query<StoredRule>(sql`SELECT id, business_unit_id AS "businessUnitId", channel_ids AS "channelIds", event, condition, actions, continues FROM app.routing_rule
      WHERE tenant_id = ${tenantId}::uuid AND state = 'active' AND enabled ORDER BY position, id`),
    tx.query<CustomFieldDefinition>(sql`SELECT id, resource, key, type, format, classification, currency FROM app.custom_field
      WHERE tenant_id = ${tenantId}::uuid AND state = 'active' ORDER BY id`),
  ])
  const models = tenantModels(tx.principal.ability.models, definitions)
  const fields = routingFields(models)
  const made = {
    version,
    fields,
    rules: rows.flatMap((row) => compiled(row, fields)),
    principal: withModels(tx.principal, models),
  }
  if (known.size >= knownMax) known.clear()
  known.set(tenantId, made)
  return made
}

const withModels = (principal: Principal, models: Models): Principal => ({
  ...principal,
  ability: Ability.of([], principal.me, models),
})

interface StoredRule {
  id: string
  businessUnitId: string
  channelIds: string[]
  event: RoutingEvent
  condition: unknown
  actions: RoutingAction[]
  continues: boolean
}

/** A rule that cannot be read any more is none: what it asked about is gone. */
function compiled({ condition, ...rule }: StoredRule, fields: RuleFields): Rule[] {
  const when: Condition | null = condition === null ? null : ruleCondition(condition, fields)
  return condition !== null && when === null ? [] : [{ ...rule, when }]
}

/** Records in clear by their ids, for decisions only. @param isKept they stay as they are until the transaction ends */
export async function clearById(
  tx: Tx,
  { principal }: RuleSet,
  subject: keyof typeof subjects,
  ids: readonly string[],
  isKept = false,
): Promise<ReadonlyMap<string, JsonRow>> {
  if (ids.length === 0) return new Map()
  const model = principal.ability.models.get(subjects[subject])
  if (!model) throw new Error(`there is no resource of ${subject}s`)
  const lock: SQL = isKept ? sql`ORDER BY ${model.id} FOR NO KEY UPDATE OF ${sql.identifier(tableName(model))}` : sql``
  const rows = await tx.query<{ clear: JsonRow }>(
    sql`SELECT row_to_json(c) AS clear FROM ${model.table} CROSS JOIN LATERAL (SELECT ${clearColumns(principal, model)}) AS c
      WHERE ${model.tenant} = ${tx.principal.tenantId}::uuid AND ${model.id} = ANY (${array(ids, 'uuid')}) ${lock}`,
  )
  return new Map(rows.map(({ clear }) => [String(clear.id), clear]))
}

/** Whose turns, and which members, are asked for. */
export interface Wanted {
  teams: ReadonlySet<string>
  members: ReadonlySet<string>
}

/** Whether somebody is to be found who has least to do: then it is counted what everybody has. */
export const isCounting = (rules: readonly Pick<Rule, 'actions'>[]): boolean =>
  rules.some(({ actions }) => actions.some((one) => 'assign' in one && one.assign.strategy === 'least_open'))

/**
 * Those whom work may be given to. The turns of the teams are locked, in one order, so that whoever shares out a team's
 * work at the same time waits; and only then is looked who has how much.
 */
export async function rosterOf(tx: Tx, wanted: Wanted, counts: boolean, now: Date): Promise<Roster> {
  const { tenantId } = tx.principal
  const teams = array([...wanted.teams].sort(), 'uuid')
  const isAsked = wanted.teams.size > 0
  const [, turns, members, all] = await Promise.all([
    isAsked &&
      tx.query(sql`INSERT INTO app.routing_cursor (tenant_id, team_id) SELECT t.tenant_id, t.id FROM app.team AS t
        WHERE t.tenant_id = ${tenantId}::uuid AND t.id = ANY (${teams}) ORDER BY t.id ON CONFLICT DO NOTHING`),
    isAsked
      ? tx.query<StoredTurns>(sql`SELECT ${turnColumns} FROM app.routing_cursor AS u
          WHERE u.tenant_id = ${tenantId}::uuid AND u.team_id = ANY (${teams}) ORDER BY u.team_id FOR NO KEY UPDATE`)
      : [],
    isAsked || wanted.members.size > 0
      ? tx.query<RosterMember>(
          sql`SELECT ${memberColumns(counts)} FROM app.member AS m WHERE m.tenant_id = ${tenantId}::uuid AND ${isAmong(wanted)}`,
        )
      : [],
    tx.query<{ id: string }>(sql`SELECT id FROM app.team WHERE tenant_id = ${tenantId}::uuid AND state = 'active'`),
  ])
  return rosterFrom({ turns, members, teams: all }, wanted, now)
}

/** The members who are let in, of these teams or asked for by name. */
export const isAmong = ({ teams, members }: Wanted): SQL =>
  sql`m.status = 'active' AND m.state = 'active' AND (m.team_ids && ${array([...teams], 'uuid')} OR m.id = ANY (${array([...members], 'uuid')}))`

export function rosterFrom(
  {
    turns,
    members,
    teams,
  }: { turns: readonly StoredTurns[]; members: readonly RosterMember[]; teams: readonly { id: string }[] },
  wanted: Wanted,
  now: Date,
): Roster {
  const known = turns.map(({ teamId, turn, turns: each }): [string, Turns] => [
    teamId,
    { turn: Number(turn), turns: { ...each }, isChanged: false },
  ])
  return new Roster(new Set(teams.map(({ id }) => id)), members, new Map(known), wanted.members, now)
}

/** Writes whose turn it was. */
export async function turnsWrite(tx: Tx, turns: ReadonlyMap<string, Turns>): Promise<void> {
  const rows = [...turns].flatMap(([teamId, { turn, turns: each, isChanged }]) =>
    isChanged ? [{ teamId, turn, turns: each }] : [],
  )
  if (rows.length === 0) return
  await tx.query(sql`UPDATE app.routing_cursor AS c SET turn = w.turn, turns = w.turns, updated_at = now()
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS w("teamId" uuid, turn bigint, turns jsonb)
    WHERE c.tenant_id = ${tx.principal.tenantId}::uuid AND c.team_id = w."teamId"`)
}
