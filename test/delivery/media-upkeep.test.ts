import t from 'tap'
import { maintain } from '../../src/delivery/maintenance.ts'
import { tasks } from '../../src/delivery/tasks.ts'
import { localServer } from '../channels/local-server.ts'
import { pdf } from '../resources/attachments/fixtures.ts'
import { type Lanes, said, startLanes } from './lanes.ts'

interface Job {
  attempts: number
  payload: Record<string, string>
}

/** A message with a file that waits at its provider. */
async function waiting(t: {
  teardown(end: () => Promise<void>): unknown
}): Promise<Lanes & { asked: () => number; age(interval: string): Promise<void>; jobs(): Promise<Job[]> }> {
  const lanes = await startLanes(t)
  const server = await localServer((_seen, response) =>
    response.writeHead(200, { 'content-type': 'application/pdf' }).end(pdf(500)),
  )
  t.teardown(() => server.close())
  const { send } = await lanes.connector()
  await send(said('see', { message: { type: 'text', text: 'see', attachments: [{ url: `${server.url}/1` }] } }))
  await lanes.drain()
  const { service } = lanes
  return {
    ...lanes,
    asked: () => server.seen.length,
    age: async (interval) => {
      await service.sql('UPDATE app.attachment SET created_at = now() - $1::interval', [interval])
    },
    jobs: () =>
      service.sql<{ attempts: number; payload: Record<string, string> }>(
        `SELECT j.attempts, j.payload FROM graphile_worker._private_jobs j JOIN graphile_worker._private_tasks t ON t.id = j.task_id WHERE t.identifier = 'fetch-media' AND j.attempts < j.max_attempts`,
      ),
  }
}

const upkeep = ({ context }: Lanes): Promise<void> => maintain(context, {}, { attempts: 1, maxAttempts: 25 })

t.test('a file whose job was lost or given up is asked for again, and arrives', async (t) => {
  const lanes = await waiting(t)
  const { service, age, jobs } = lanes
  await service.sql(`UPDATE graphile_worker._private_jobs SET attempts = max_attempts WHERE key LIKE 'fetch-media/%'`)
  await age('1 hour')
  await upkeep(lanes)
  t.same(await jobs(), [], 'its job may still be at it')
  await age('3 hours')
  await upkeep(lanes)
  t.match(await jobs(), [{ attempts: 0 }], 'where a job was given up there is another')
  await service.sql(`DELETE FROM graphile_worker._private_jobs WHERE key LIKE 'fetch-media/%'`)
  await upkeep(lanes)
  const [job] = await jobs()
  t.equal((await jobs()).length, 1, 'one that was lost is made again')
  await tasks['fetch-media']?.(lanes.context, job?.payload ?? {}, { attempts: 1, maxAttempts: 25 })
  t.match((await service.request('GET', '/v1/attachments')).data, [{ status: 'stored', error: null }])
  await service.sql(`DELETE FROM graphile_worker._private_jobs WHERE key LIKE 'fetch-media/%'`)
  await upkeep(lanes)
  t.same(await jobs(), [], 'what is there is not asked for again')
})

t.test('a file that no provider has any more is failed with its reason, and nobody waits for it', async (t) => {
  const lanes = await waiting(t)
  const { service, age, asked } = lanes
  await age('8 days')
  await upkeep(lanes)
  const [file] = (await service.request('GET', '/v1/attachments')).data
  t.match(file, { status: 'failed', error: 'given_up' })
  t.match(await service.sql('SELECT sealed_source FROM app.attachment'), [{ sealed_source: null }])
  const [event] = (await service.request('GET', `/v1/audit-events?recordId=${file?.id}&action=update`)).data
  t.match(event, { actor: { kind: 'system' }, resource: 'attachments', subjectIds: [file?.contactId] })
  const [message] = await service.sql<{ conversation_id: string }>('SELECT conversation_id FROM app.message')
  const [shown] = (await service.request('GET', `/v1/conversations/${message?.conversation_id}/messages`)).data
  t.match(shown, { attachments: [{ id: file?.id, status: 'failed' }] })
  // The job that comes late finds nothing to do.
  const payload = { tenantId: service.tenantId, region: 'default', attachmentId: String(file?.id) }
  await tasks['fetch-media']?.(lanes.context, payload, { attempts: 1, maxAttempts: 25 })
  t.equal(asked(), 0)
})
