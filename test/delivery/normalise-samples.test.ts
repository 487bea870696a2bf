import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isObject, type JsonValue, parseJson } from '../../src/channels/json.ts'
import { appSecret, post } from '../resources/ingest/posts.ts'
import { startLanes } from './lanes.ts'

/** Real payloads live outside the project (they are others' work): name their directory to test against them. */
const directory = process.env.CHANNEL_SAMPLES
const skip =
  directory === undefined || !existsSync(directory) ? 'set CHANNEL_SAMPLES to a directory of real payloads' : false

t.test(
  'every real WhatsApp payload is processed, ignored by rule, or kept as failed with a reason',
  { skip },
  async (t) => {
    const { service, drain } = await startLanes(t)
    const folder = join(directory ?? '', 'whatsapp')
    const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
    t.ok(names.length > 50)
    for (const [i, name] of names.entries()) {
      // Samples repeat placeholders for ids: each is posted for an account of its own, so that none hides another.
      const settings = { phoneNumberId: `account-${i}`, appSecret, verifyToken: 'verify', accessToken: 'access' }
      const body = { type: 'whatsapp', name: 'WhatsApp', settings }
      const channel = await service.request('POST', '/v1/channels', { body })
      const sample = parseJson(readFileSync(join(folder, name))) ?? null
      const bytes = JSON.stringify(forAccount(sample, settings.phoneNumberId))
      for (const repetition of [1, 2])
        t.equal((await post(service, channel.id, bytes)).status, 200, `${name}, ${repetition}`)
    }
    await drain()
    const rows = await service.sql<{ kind: string; status: string; reason: string | null; n: number }>(
      'SELECT kind, status, reason, count(*)::int AS n FROM app.inbound_event GROUP BY 1, 2, 3 ORDER BY 1, 2, 3',
    )
    for (const { kind, status, reason, n } of rows) t.comment(`${n} × ${kind}: ${status} ${reason ?? ''}`)
    for (const row of rows) {
      t.match(row.status, /^(processed|duplicate|ignored|failed)$/, row.kind)
      if (row.status === 'ignored' || row.status === 'failed') t.match(row.reason, /^[a-z_]+$/, row.kind)
    }
    t.ok(rows.filter((row) => row.status === 'processed').reduce((sum, row) => sum + row.n, 0) > 50)
    t.same(
      rows.filter((row) => row.status === 'failed'),
      [],
    )
    t.same(
      await service.sql(
        `SELECT kind, match_value FROM app.identity WHERE verified AND state = 'active' GROUP BY 1, 2 HAVING count(*) > 1`,
      ),
      [],
    )
    // What came out can be read by everybody who may: the answers are held against their schemas here.
    for (const path of ['contacts', 'conversations', 'inbound-events']) {
      const list = await service.request('GET', `/v1/${path}?limit=200`)
      t.equal(list.status, 200, list.text)
      for (const { id } of path === 'conversations' ? list.data : [])
        t.equal((await service.request('GET', `/v1/conversations/${id}/messages?limit=200`)).status, 200)
      for (const { id } of path === 'contacts' ? list.data : [])
        t.equal((await service.request('GET', `/v1/contacts/${id}/timeline`)).status, 200)
    }
    t.notMatch(service.logs.join(''), /wamid|Kerry|\b1[0-9]{10}\b.*text/)
  },
)

function forAccount(value: JsonValue, account: string): JsonValue {
  if (Array.isArray(value)) return value.map((one) => forAccount(one, account))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, key === 'phone_number_id' ? account : forAccount(one, account)]),
  )
}
