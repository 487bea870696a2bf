import type { PgColumn } from 'drizzle-orm/pg-core/columns/common'
import type { Resource } from '../../../src/access/define.ts'
import type { Field } from '../../../src/access/model.ts'
import { veiledOf } from '../../../src/privacy/detection.ts'
import { resources } from '../../../src/resources/index.ts'
import type { Row, TestService } from '../../harness/service.ts'
import type { Actor } from '../house/cast.ts'
import { tableOf } from '../house/house.ts'
import { heldIn, isThere, Oracle, type Sight } from '../house/oracle.ts'
import type { Place } from '../house/rows.ts'
import { openOf, type Setting } from '../matrix/field-matrix.ts'
import { fieldsOf } from '../matrix/fields.ts'
import type { Chance } from './chance.ts'
import { anyOther, behindDetection, behindMask } from './other-value.ts'

/**
 * What the two worlds have in common though somebody may not see it, and why:
 * - what a record is part of and where it stands (its contact, conversation, group, business unit, the trash): routes
 *   below a parent, the rules about rows and the timeline are about nothing else;
 * - what a condition of the principal's own role asks about: that the row is there tells it, and the role says so;
 * - definitions of fields, roles, keys: they decide what there is to see for everybody;
 * - where rules of a noun refuse an action by its state (a conversation's status, a restricted contact): whoever may act
 *   is told by the outcome. Such a field is varied as long as the actor has no right to act by it.
 */
const structural = new Set([
  ...['id', 'tenantId', 'businessUnitId', 'contactId', 'conversationId', 'messageId', 'trashedAt', 'channelId', 'kind'],
  ...[
    'identityId',
    'isGroup',
    'resource',
    'type',
    'key',
    'builtIn',
    'grants',
    'roleIds',
    'businessUnitIds',
    'isDefault',
    'region',
  ],
])
const fixedResources = new Set(['custom-fields', 'roles', 'api-keys', 'audit-events'])
const ruling = new Set([
  'status',
  'snoozedUntil',
  'restricted',
  'state',
  'direction',
  'attachmentIds',
  'verified',
  'isPrimary',
])

/** A value that one of the worlds has otherwise. */
export interface Difference {
  resource: string
  place: Place
  id: string
  field: string
  one: unknown
  two: unknown
  sight: 'masked' | 'hidden'
}

/** Whatever the actor does not see in clear gets another value; what it sees masked, one behind the same mask. */
export function differencesFor(setting: Setting, actor: Actor, chance: Chance): Difference[] {
  const oracle = new Oracle(actor, openOf(setting.definitions))
  const byId = (resource: string, id: unknown): Row | null =>
    [...(setting.rows.get(resource) ?? [])].find(([place, row]) => row.id === id && place !== 'foreign')?.[1] ?? null
  return resources
    .filter(({ name }) => !fixedResources.has(name))
    .flatMap((resource) => {
      const decisive = oracle.decisive(resource.name)
      const acts =
        ['update', 'delete', 'send', 'create', 'administer'].some((action) => oracle.may(action, resource.name)) ||
        oracle.may('send', 'messages')
      return [...(setting.rows.get(resource.name) ?? [])].flatMap(([place, row]): Difference[] =>
        place === 'foreign'
          ? []
          : [...fieldsOf(resource, setting.definitions)].flatMap(([name, field]): Difference[] => {
              const there = isThere(oracle, resource.name, row, byId)
              const sight = there ? sightOf(oracle, resource.name, row, name) : 'hidden'
              if (sight === 'clear' || structural.has(name) || decisive.has(name) || (acts && ruling.has(name)))
                return []
              const two = otherValue(chance, resource, field, row, sight)
              return two === undefined
                ? []
                : [{ resource: resource.name, place, id: row.id, field: name, one: heldIn(row, name), two, sight }]
            }),
      )
    })
}

function sightOf(oracle: Oracle, resource: string, row: Row, name: string): Sight {
  const sight = oracle.sight(resource, row, name)
  // A message says twice what it says, and a file's content tells its size and its type.
  const twin =
    resource === 'messages' && name === 'text'
      ? 'content'
      : resource === 'attachments' && ['size', 'mediaType'].includes(name)
        ? 'contentUrl'
        : null
  const more = twin ? oracle.sight(resource, row, twin) : 'hidden'
  return sight === 'clear' || more === 'clear' ? 'clear' : sight === 'masked' || more === 'masked' ? 'masked' : 'hidden'
}

/** Other choices, where a field has any that break no rule of the database. */
const choices: Readonly<Record<string, readonly string[]>> = {
  lifecycleStage: ['lead', 'former'],
  priority: ['low', 'urgent'],
  status: [],
  source: ['line', 'provided'],
  authorKind: ['system'],
  channel: ['line', 'email'],
  mediaType: ['image/png'],
  error: ['refused'],
  reason: ['duplicate'],
  lastError: ['limit'],
}

function otherValue(chance: Chance, resource: Resource, field: Field, row: Row, sight: 'masked' | 'hidden'): unknown {
  const value = heldIn(row, field.name)
  if (field.stored) return customOther(chance, field, value, sight)
  if (resource.name === 'messages' && field.name === 'content') return undefined
  if (sight === 'masked' && field.detected)
    return typeof value === 'string' ? behindDetection(chance, value) : undefined
  if (field.name === 'residence') return chance.is(0.5) ? null : { country: 'AT', source: chance.word() }
  if (field.name === 'externalIds') return [{ system: 'erp', id: chance.word() }]
  if (field.name === 'value' && resource.name === 'identities') return behindMask(chance, 'phone', value)
  // Whoever wrote a note knows it, and may change it.
  if (resource.name === 'notes' && field.name.startsWith('author')) return undefined
  if (!field.column) return undefined
  if (field.kind === 'choice') {
    const others = choices[field.name] ?? []
    return others.length > 0 ? chance.of(others) : undefined
  }
  const isNullable = !field.column.notNull
  if (sight === 'hidden' || field.mask === 'hidden') {
    if (field.kind === 'uuid') return isNullable ? null : undefined
    return anyOther(chance, field, value, isNullable)
  }
  // A mask shows whether there is a value.
  return value === null || value === undefined ? undefined : behindMask(chance, field.mask, value)
}

function customOther(chance: Chance, field: Field, value: unknown, sight: 'masked' | 'hidden'): unknown {
  const scalar = field.stored?.scalar(value)
  if (scalar === undefined || scalar === null) return undefined
  if (sight === 'hidden' || field.mask === 'hidden') {
    if (field.kind === 'choice') return chance.is(0.5) ? null : 'tin'
    if (field.kind === 'textList') return chance.is(0.5) ? null : ['go']
    return field.kind === 'uuid' ? null : anyOther(chance, field, scalar, true)
  }
  return field.kind === 'choice' ? 'tin' : behindMask(chance, field.mask, scalar)
}

const columnOf = (resource: Resource, name: string): PgColumn | undefined =>
  resource.fields.get(name)?.column ?? undefined

/** Writes the values of the other world as its superuser: versions and times stay as they are. */
export async function applyDifferences(
  service: TestService,
  setting: Setting,
  all: readonly Difference[],
): Promise<void> {
  for (const { resource: name, id, field, two } of all) {
    const resource = resources.find((one) => one.name === name)
    const definition = fieldsOf(resource ?? never(), setting.definitions).get(field)
    if (!resource || !definition) continue
    if (definition.stored) await applyCustom(service, definition, id, two)
    else if (field === 'residence') await applyResidence(service, id, two)
    else await applyColumn(service, resource, field, id, two)
  }
  // What a mask shows of a text stands beside it.
  for (const [table, fields] of [
    ['message', ['text']],
    ['note', ['text']],
    ['conversation', ['subject']],
    ['attachment', ['file_name']],
  ] as const)
    for (const row of await service.sql(`SELECT id, ${fields.join()} FROM app.${table}`)) {
      const column = String(fields[0])
      const said = row[column]
      const key = column === 'file_name' ? 'fileName' : column
      const text = typeof said === 'string' ? said : null
      const veiled = veiledOf(table === 'message' ? { [key]: text, content: { text } } : { [key]: text }, 'DE')
      await service.sql(
        `UPDATE app.${table} SET veiled = $2 ${table === 'message' ? ", content = jsonb_build_object('text', text)" : ''} WHERE id = $1`,
        [row.id, JSON.stringify(veiled)],
      )
    }
}

function never(): never {
  throw new Error('no such resource')
}

async function applyColumn(
  { sql }: TestService,
  resource: Resource,
  field: string,
  id: string,
  two: unknown,
): Promise<void> {
  const column = columnOf(resource, field)
  if (!column) return
  const table = tableOf(resource.name)
  const value = column.getSQLType() === 'jsonb' && two !== null ? JSON.stringify(two) : two
  await sql(`UPDATE app.${table} SET "${column.name}" = $2 WHERE id = $1`, [id, value])
  if (resource.name === 'identities' && field === 'value')
    await sql(`UPDATE app.identity SET match_value = '+' || value WHERE id = $1`, [id])
  if (field === 'externalIds')
    await sql(
      `UPDATE app.external_id SET system = $2::jsonb->0->>'system', value = $2::jsonb->0->>'id' WHERE contact_id = $1`,
      [id, JSON.stringify(two)],
    )
}

async function applyResidence({ sql }: TestService, id: string, two: unknown): Promise<void> {
  await sql(
    `UPDATE app.contact SET residence_country = $2::jsonb->>'country', residence_source = $2::jsonb->>'source' WHERE id = $1`,
    [id, JSON.stringify(two ?? {})],
  )
}

async function applyCustom({ sql }: TestService, field: Field, id: string, two: unknown): Promise<void> {
  const where = 'contact_id = $1 AND field_id = $2'
  const column =
    field.kind === 'number'
      ? 'number_value'
      : field.kind === 'boolean'
        ? 'boolean_value'
        : field.kind === 'date'
          ? 'date_value'
          : field.kind === 'textList'
            ? 'list_value'
            : 'text_value'
  if (two === null) await sql(`DELETE FROM app.contact_custom_value WHERE ${where}`, [id, field.stored?.id])
  else await sql(`UPDATE app.contact_custom_value SET ${column} = $3 WHERE ${where}`, [id, field.stored?.id, two])
}
