import t from 'tap'
import { said, startLanes, statuses } from './lanes.ts'

const about = (id: string, type: string, externalId: string, more: object = {}) => ({
  id,
  type,
  occurredAt: '2026-06-01T00:00:00Z',
  from: { value: 'ada', displayName: 'Ada Lovelace' },
  message: { externalId, ...more },
})

t.test(
  'what is said of a message that comes days later still holds: it was given up, and is taken up again',
  async (t) => {
    const { service, connector, drain } = await startLanes(t)
    const { send } = await connector()
    await send(
      about('gone', 'delete', 'late-1'),
      about('liked', 'reaction', 'late-2', { emoji: '🌷' }),
      about('changed', 'edit', 'late-3', { type: 'text', text: 'as it should be' }),
      about('never', 'delete', 'never-comes'),
    )
    await drain()
    t.same(await statuses(service), ['ignored', 'ignored', 'ignored', 'ignored'], 'nobody waits for ever')
    await service.sql(`UPDATE app.inbound_event SET received_at = received_at - interval '6 days'`)

    await send(
      said('a secret', { id: 'late-1', occurredAt: '2026-05-31T00:00:00Z' }),
      said('hello', { id: 'late-2', occurredAt: '2026-05-31T00:00:01Z' }),
      said('as it was', { id: 'late-3', occurredAt: '2026-05-31T00:00:02Z' }),
    )
    await drain()
    const [{ id = '' } = {}] = (await service.request('GET', '/v1/conversations')).data
    const { data } = await service.request('GET', `/v1/conversations/${id}/messages?sort=occurredAt`)
    t.match(data[0], { text: '', deletedAt: /./ }, 'what was taken back is gone')
    t.match(data[1], { text: 'hello', reactions: [{ emoji: '🌷' }] })
    t.match(data[2], { text: 'as it should be', editedAt: /./ })
    t.notMatch(JSON.stringify(data), /secret/)
    t.same(await statuses(service), [
      'processed',
      'processed',
      'processed',
      'ignored',
      'processed',
      'processed',
      'processed',
    ])
    t.match((await service.request('GET', '/v1/inbound-events?status=ignored')).data, [{ reason: 'unknown_message' }])
  },
)
