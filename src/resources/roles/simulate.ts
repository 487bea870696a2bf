import type { FastifyInstance } from 'fastify'
import { Ability } from '../../access/ability.ts'
import { type Action, actionNames } from '../../access/actions.ts'
import { fieldSql, filterable, sight } from '../../access/door.ts'
import type { Field, ResourceModel } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import type { Caller, Database, JsonRow } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { sampleModel, samplePart } from '../../db/sample.ts'
import { sql } from '../../db/sql.ts'
import { namesIn, present, type View } from '../../db/view.ts'
import { Problem } from '../../errors.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { aboutRoles } from './about-roles.ts'
import { refuseUnknown } from './drafts.ts'
import { sampleRecord } from './sample-record.ts'
import { type Simulation, type SimulationAnswer, simulationAnswer, simulationBody } from './simulation.ts'
import { grantWarnings, making, sampleWarnings } from './warnings.ts'
import { writableWhen } from './writable.ts'

/** A draft on trial: somebody who has it and nothing else, and the record. */
interface Trial {
  principal: Principal
  model: ResourceModel
  record: JsonRow
  part: Part
  view: View
  warnings: SimulationAnswer['warnings']
}

export function simulateRoute(app: FastifyInstance, { db }: Deps): void {
  app.post('/v1/roles/simulate', {
    config: { access: { action: 'read', resource: 'roles' } },
    schema: operation('roles.simulate', 'Try a draft of a role on a record', {
      body: simulationBody,
      response: { 200: simulationAnswer },
      errors: ['unprocessable'],
      idempotent: true,
      description:
        'What somebody with these grants, and no others, would see of a record and may do with it. Nothing is kept, and no stored record is looked at: the record is the one in the request.',
    }),
    handler: async (request) => simulate(db, callerOf(request), simulationBody.parse(request.body)),
  })
}

async function simulate(db: Database, caller: Caller, asked: Simulation): Promise<SimulationAnswer> {
  const trials: Trial[] = []
  const result = await db.read(caller, { action: 'read', resource: 'roles' }, (principal) => {
    const trial = trialOf(principal, asked)
    trials.push(trial)
    return {
      key: null,
      values: {},
      query: { simulate: trial.model.name },
      parts: () => [aboutRoles, trial.part],
    }
  })
  const trial = trials.at(-1)
  if (!trial) throw new Error('a simulation has no trial')
  return outcomeOf(trial, result.sample?.[0] ?? null)
}

function trialOf(caller: Principal, { grants, me: given, resource, record: json }: Simulation): Trial {
  const { models } = caller.ability
  refuseUnknown(grants, models)
  const real = models.get(resource)
  if (!real)
    throw new Problem('unprocessable', {
      errors: [{ path: '/resource', code: 'unknown_resource', message: 'There is no such resource.' }],
    })
  const me = {
    id: given?.id ?? caller.me.id,
    teamIds: given?.teamIds ?? caller.me.teamIds,
    businessUnitIds: given?.businessUnitIds ?? caller.me.businessUnitIds,
    countries: given?.countries ?? caller.me.countries,
  }
  const units = given?.businessUnitIds ?? caller.units
  const record = sampleRecord(real, { ...unitOf(real, caller.defaultUnit, units), ...json })
  const model = sampleModel(real, record)
  const ability = Ability.of(grants, me, new Map(models).set(resource, model))
  const principal: Principal = { ...caller, me, units, roleIds: [], ability, grants: [grants] }
  const warnings = [...grantWarnings(grants, models, me), ...sampleWarnings(real)]
  const { part, view } = samplePart(principal, model, record, 'sample')
  return {
    principal,
    model,
    record,
    view,
    warnings,
    part: isApart(principal, real, record) ? part : { ...part, where: sql`false` },
  }
}

function outcomeOf({ principal, model, record, view, warnings }: Trial, row: JsonRow | null): SimulationAnswer {
  const { ability } = principal
  const isVisible = row !== null
  const { shown, masked } = row ? namesIn(view, row) : { shown: [], masked: [] }
  const may = (action: Action, name?: string): boolean =>
    (making.includes(action) ? isInUnits(principal, model, record) : isVisible) &&
    ability.can(action, model, record, name)
  const { usable } = filterable(principal, model)
  const fieldOf = (field: Field): SimulationAnswer['fields'][number] => {
    const { name, sortable, search } = field
    const seen = sight(principal, model, name)
    const isClear = shown.includes(name)
    const isMasked = masked.includes(name)
    const when = writableWhen(model, field)
    const isUsed = (use: 'sort' | 'search'): boolean => isClear && seen !== null && fieldSql(seen, use) !== null
    return {
      name,
      sight: isClear ? 'clear' : isMasked ? 'masked' : 'hidden',
      creatable: when !== 'never' && may('create', name),
      writable: when === 'always' && may('update', name),
      filterable: isClear && usable(field, 'exists'),
      sortable: sortable && isUsed('sort'),
      searchable: search !== null && isUsed('search'),
      // Where it is seen in clear on other records, only those are asked.
      exactMatch: isMasked && seen?.clear === false && usable(field, 'eq') && field.kind !== 'json',
    }
  }
  return {
    visible: isVisible,
    actions: Object.fromEntries(
      actionNames.map((action) => [action, action === 'read' ? isVisible : may(action)]),
    ) as Record<Action, boolean>,
    fields: [...model.fields.values()].map(fieldOf),
    view: row && present(model, view, row),
    warnings,
  }
}

/** Whether it is in a business unit of whoever the role is tried for: the platform's own rule, under every role. */
function isInUnits({ units }: Principal, model: ResourceModel, record: JsonRow): boolean {
  const name = unitName(model)
  return name === null || units === '*' || units.some((id) => id === record[name])
}

/** Where nothing is said, a record is where a new one would be. */
function unitOf(model: ResourceModel, defaultUnit: string | null, units: Principal['units']): JsonRow {
  const name = unitName(model)
  if (name === null) return {}
  const isSeen = defaultUnit !== null && (units === '*' || units.includes(defaultUnit))
  return { [name]: isSeen || units === '*' ? defaultUnit : (units[0] ?? null) }
}

function unitName({ unit, fields }: ResourceModel): string | null {
  return (unit && [...fields.values()].find(({ column }) => column === unit)?.name) ?? null
}

/** Whether nothing that it is part of hides it: whoever reads none of those sees none of these. */
function isApart({ ability }: Principal, { within, fields }: ResourceModel, record: JsonRow): boolean {
  if (!within || ability.may('read', within.model.name)) return true
  const link = [...fields.values()].find(({ column }) => column === within.id)?.name
  return !within.id.notNull && (link === undefined || record[link] === null || record[link] === undefined)
}
