import type { Field } from '../../../src/access/model.ts'
import type { Setting } from '../matrix/field-matrix.ts'
import type { Chance } from './chance.ts'

/** A value that a body sets, in neither world before. */
export function newValue(chance: Chance, setting: Setting, name: string, field: Field): unknown {
  const fixed: Record<string, unknown> = {
    email: `${chance.word()}@example.com`,
    phone: `+4917${String(chance.below(1e9)).padStart(9, '0')}`,
    country: 'FR',
    language: 'fr',
    timezone: 'Europe/Rome',
    status: chance.of(['open', 'closed', 'pending']),
    priority: 'low',
    lifecycleStage: 'former',
    unreadCount: 0,
    address: { city: chance.word() },
    residence: { source: chance.word() },
    externalIds: [{ system: 'crm', id: chance.word() }],
    ownerId: setting.rows.get('members')?.get('near')?.id,
    assigneeId: setting.rows.get('members')?.get('near')?.id,
    teamId: setting.house.gaul,
    color: '#123456',
    snoozedUntil: '2037-01-01T00:00:00Z',
  }
  if (name in fixed) return fixed[name]
  switch (field.kind) {
    case 'number':
      return field.mask === 'number' && name.endsWith('salary')
        ? { amount: 4_321, currency: 'EUR' }
        : 7 + chance.below(80)
    case 'boolean':
      return chance.is(0.5)
    case 'date':
      return '1999-09-09'
    case 'time':
      return '2030-01-01T00:00:00Z'
    case 'textList':
      return name.includes('hobbies') ? ['chess', 'go'] : [chance.word()]
    case 'choice':
      return 'gold'
    default:
      return chance.word()
  }
}

/** A value as conditions compare it. */
export const scalar = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? ('amount' in value ? value.amount : JSON.stringify(value)) : value

/** Whether a value can be compared with fields of the kind. */
export const fits = (kind: Field['kind'], value: unknown): boolean =>
  kind === 'boolean'
    ? typeof value === 'boolean'
    : kind === 'date'
      ? /^\d{4}-\d\d-\d\d$/.test(String(value))
      : kind === 'time'
        ? /^\d{4}-\d\d-\d\dT/.test(String(value))
        : /^[0-9a-f]{8}-/.test(String(value))

/** What a value holds that can be asked for. */
export function wordsIn(value: unknown): unknown[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value.flatMap(wordsIn)
  return typeof value === 'object' ? Object.values(value).flatMap(wordsIn) : [value]
}
