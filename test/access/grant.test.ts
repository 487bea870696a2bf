import t from 'tap'
import { z } from 'zod'
import { actionNames, actions } from '../../src/access/actions.ts'
import { conditionSchema } from '../../src/access/condition.ts'
import { type Grant, grantFaults, grantSchema } from '../../src/access/grant.ts'
import { models } from './probe.ts'

const good = { resource: 'probes', actions: ['read'] }
const fits = (more: object): boolean => grantSchema.safeParse({ ...good, ...more }).success

t.test('the actions are one closed list, each with its meaning', async (t) => {
  t.same(actionNames, Object.keys(actions))
  for (const name of actionNames) {
    t.match(actions[name], /^[A-Z].*\.$/, name)
    t.ok(fits({ actions: [name] }), name)
  }
  t.ok(fits({ actions: actionNames }))
  t.notOk(fits({ actions: [...actionNames, 'read'] }), 'no longer than there are actions')
})

t.test('a grant has its limits', async (t) => {
  t.notOk(fits({ resource: '' }))
  t.ok(fits({ resource: 'a'.repeat(100) }))
  t.notOk(fits({ resource: 'a'.repeat(101) }))
  for (const use of ['read', 'mask', 'write']) {
    t.ok(fits({ fields: { [use]: Array.from({ length: 200 }, () => 'a') } }), use)
    t.notOk(fits({ fields: { [use]: Array.from({ length: 201 }, () => 'a') } }), use)
  }
  for (const name of ['*', 'a', 'aB9', 'group.Key', 'a.b_c', 'a.b-c.d', `a.${'b'.repeat(100)}`])
    t.ok(fits({ fields: { read: [name] } }), name)
  for (const name of [
    '',
    'A',
    '9a',
    'a b',
    '**',
    'a*',
    '*a',
    'a.',
    'a.9',
    'a.b*',
    'a._',
    `a.${'b'.repeat(101)}`,
    'a\n',
  ])
    t.notOk(fits({ fields: { read: [name] } }), JSON.stringify(name))
})

t.test('a condition has its limits', async (t) => {
  const reads = (when: object): boolean => fits({ when })
  for (const op of ['eq', 'ne', 'lt', 'lte', 'gt', 'gte']) {
    t.ok(reads({ [op]: ['a'.repeat(120), 'b'.repeat(1000)] }), op)
    t.ok(reads({ [op]: ['a', 1] }) && reads({ [op]: ['a', false] }))
    t.notOk(reads({ [op]: ['a'.repeat(121), 'b'] }))
    t.notOk(reads({ [op]: ['', 'b'] }))
    t.notOk(reads({ [op]: ['a', 'b'.repeat(1001)] }))
    t.notOk(reads({ [op]: ['a', 'b', 'c'] }))
    t.notOk(reads({ [op]: ['a', 'b'], and: [{ eq: ['a', 'b'] }] }))
  }
  const some = (length: number): unknown[] => Array.from({ length }, () => 'a')
  t.ok(reads({ in: ['a', some(500)] }) && reads({ in: ['a', []] }) && reads({ in: ['a', '$me.teamIds'] }))
  t.notOk(reads({ in: ['a', some(501)] }))
  t.notOk(reads({ in: ['a', 1] }))
  t.notOk(reads({ in: ['a', ['b'], 1] }))
  t.ok(reads({ exists: ['a', false] }))
  t.notOk(reads({ exists: ['a', 'b'] }))
  const parts = (length: number): object[] => Array.from({ length }, () => ({ eq: ['a', 'b'] }))
  for (const op of ['and', 'or']) {
    t.ok(reads({ [op]: parts(50) }) && reads({ [op]: parts(1) }), op)
    t.notOk(reads({ [op]: parts(51) }))
    t.notOk(reads({ [op]: [] }))
    t.notOk(reads({ [op]: [{ eq: ['a'] }] }), 'the parts are conditions')
  }
  t.ok(reads({ not: { eq: ['a', 'b'] } }))
  t.notOk(reads({ not: { eq: ['a'] } }))
  t.notOk(reads({ not: { eq: ['a', 'b'] }, eq: ['a', 'b'] }))
  t.notOk(reads({ exists: ['a', true], eq: ['a', 'b'] }))
  t.notOk(reads({ in: ['a', []], eq: ['a', 'b'] }))
})

t.test('all of it is described where people look for it', async (t) => {
  for (const [schema, id] of [
    [grantSchema, 'Grant'],
    [conditionSchema, 'Condition'],
  ] as const) {
    const { description, example } = schema.meta() ?? {}
    t.equal(schema.meta()?.id, id)
    t.match(description, /\.$/)
    t.ok(schema.safeParse(example).success, 'with an example that is right')
  }
  const { example } = grantSchema.meta() ?? {}
  t.match(example, { resource: /\w/, actions: [/\w/], fields: { read: [/\w/], mask: [/\w/], write: [/\w/] } })
  const grant = z.toJSONSchema(z.object(grantSchema.shape), { io: 'input' })
  const described = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null || !('properties' in schema) || !schema.properties) return
    for (const [name, one] of Object.entries(schema.properties)) {
      t.match(one?.description, /\.$/, name)
      described(one)
    }
  }
  described(grant)
  const { $defs: { Condition } = {} } = z.toJSONSchema(conditionSchema, { io: 'input' })
  const forms = Condition?.anyOf ?? []
  t.same(
    forms.flatMap(({ properties }) => Object.keys(properties ?? {})),
    ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'in', 'exists', 'and', 'or', 'not'],
  )
  // What "not" holds is a condition again, described by itself.
  for (const form of forms.slice(0, -1)) described(form)
})

t.test('a grant of what does not exist is told where it stands', async (t) => {
  const faults = (...grants: object[]) => grantFaults(grants as Grant[], models)
  t.same(faults(good, { ...good, resource: 'gone' }), [
    { path: '/1/resource', message: 'There is no resource "gone".' },
  ])
  t.same(faults({ ...good, fields: { read: ['*', 'id'], mask: ['gone'], write: ['text', 'gone too'] } }), [
    { path: '/0/fields/mask/0', message: '"probes" has no field "gone".' },
    { path: '/0/fields/write/1', message: '"probes" has no field "gone too".' },
  ])
  t.same(faults({ ...good, when: { not: { eq: ['gone', 1] } } }), [
    { path: '/0/when/not/eq', message: '"eq" cannot be used with "gone" here.' },
  ])
  t.same(
    faults({ ...good, when: { exists: ['own', true] } }).map(({ path }) => path),
    ['/0/when/exists'],
    'the group of the tenant’s own fields is no value',
  )
  const plain = new Map([...models].map(([name, model]) => [name, { ...model, custom: null }]))
  t.same(grantFaults([grantSchema.parse({ ...good, when: { eq: ['text', 'a'] } })], plain), [])
  const broken = Object.defineProperty({}, 'eq', {
    enumerable: true,
    get: () => {
      throw new TypeError('broken')
    },
  })
  t.throws(() => faults({ ...good, when: broken }), { message: 'broken' }, 'what is wrong otherwise is not swallowed')
  const mine = {
    ...good,
    when: { and: [{ eq: ['other', '$me.id'] }, { in: ['ids', '$me.teamIds'] }, { in: ['text', '$me.countries'] }] },
  }
  for (const one of [{ in: ['ids', '$me.businessUnitIds'] }, { in: ['other', '$me.countries'] }])
    t.same(faults({ ...good, when: one }), [])
  t.same(faults(mine), [], 'nobody in particular will have it')
})
