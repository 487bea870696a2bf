import t from 'tap'
import { z } from 'zod'
import { channelType, channelTypes } from '../../src/channels/index.ts'

t.test('a channel is found by its name, and no other text finds one', async (t) => {
  t.ok(channelTypes.length >= 2)
  for (const channel of channelTypes) t.equal(channelType(channel.type), channel)
  for (const name of ['', 'WhatsApp', 'constructor', '__proto__', 'toString'])
    t.equal(channelType(name), undefined, name)
  t.equal(new Set(channelTypes.map(({ type }) => type)).size, channelTypes.length)
})

t.test('every secret that a channel names is one of its settings', async (t) => {
  for (const channel of channelTypes) {
    t.ok(channel.secrets.length > 0)
    for (const secret of channel.secrets) {
      const document = z.toJSONSchema(channel.settings, { io: 'input' })
      t.ok(knows(document, document, secret.split('.')), `${channel.type}.${secret} is known`)
      const issues = channel.settings.safeParse({ nonsense: 1 }).error?.issues ?? []
      t.ok(
        issues.some(({ code }) => code === 'unrecognized_keys'),
        `${channel.type} is strict`,
      )
    }
  }
})

/** Whether a JSON schema has such a member; of a setting that is of several kinds, whether one of them has. */
function knows(document: object, schema: unknown, [name, ...deeper]: readonly string[]): boolean {
  if (name === undefined) return true
  if (typeof schema !== 'object' || schema === null) return false
  const reference: unknown = Reflect.get(schema, '$ref')
  if (typeof reference === 'string') return knows(document, referred(document, reference), [name, ...deeper])
  const kinds = ['anyOf', 'oneOf', 'allOf'].flatMap((of): unknown[] => Reflect.get(schema, of) ?? [])
  if (kinds.some((kind) => knows(document, kind, [name, ...deeper]))) return true
  const properties: unknown = Reflect.get(schema, 'properties')
  if (typeof properties !== 'object' || properties === null || !Object.hasOwn(properties, name)) return false
  return knows(document, Reflect.get(properties, name), deeper)
}

/** "#/$defs/Name", or "#" for the whole. */
const referred = (document: object, reference: string): unknown =>
  reference
    .split('/')
    .slice(1)
    .reduce((at: unknown, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : null), document)
