import t from 'tap'
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
      const result = channel.settings.safeParse({ [secret]: 7, nonsense: 1 })
      t.equal(result.success, false)
      const issues = result.error?.issues ?? []
      t.ok(
        issues.some(({ path }) => path[0] === secret),
        `${channel.type}.${secret} is known, and no number`,
      )
      t.ok(
        issues.some(({ code }) => code === 'unrecognized_keys'),
        `${channel.type} is strict`,
      )
    }
  }
})
