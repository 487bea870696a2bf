import t from 'tap'
import { isObject, type JsonValue, listAt, parseJson, textAt } from '../../src/channels/json.ts'
import { webhookOf } from '../channels/messenger/sample.ts'
import { samples, skip } from '../channels/samples/table.ts'
import { accessToken, appSecret, post, verifyToken } from '../resources/ingest/posts.ts'
import { startLanes } from './lanes.ts'

interface Provider {
  type: string
  processedMin: number
  settings: (account: string) => Record<string, string>
  /** The sample as it would be posted for that account. */
  body: (sample: JsonValue, account: string) => JsonValue
}

const providers: Provider[] = [
  {
    type: 'whatsapp',
    processedMin: 50,
    settings: (phoneNumberId) => ({ phoneNumberId }),
    body: (sample, account) => replaced(sample, (key, value) => (key === 'phone_number_id' ? account : value)),
  },
  {
    type: 'messenger',
    processedMin: 45,
    settings: (pageId) => ({ pageId }),
    body: (sample, account) => {
      const webhook = webhookOf(sample)
      const pages = new Set(listAt(webhook, 'entry').map((entry) => textAt(entry, 'id')))
      const isPage = (value: JsonValue) => typeof value === 'string' && pages.has(value)
      return replaced(webhook, (key, value) => (key === 'id' && isPage(value) ? account : value))
    },
  },
]

for (const { type, processedMin, settings, body } of providers)
  t.test(
    `every real ${type} payload is processed, ignored by rule, or kept as failed with a reason`,
    { skip },
    async (t) => {
      const { service, drain } = await startLanes(t)
      const files = samples(type)
      t.ok(files.length > 50)
      for (const [i, { name, bytes }] of files.entries()) {
        // Samples repeat placeholders for ids: each is posted for an account of its own, so that none hides another.
        const account = `account-${i}`
        const channel = await service.request('POST', '/v1/channels', {
          body: { type, name, settings: { ...settings(account), appSecret, verifyToken, accessToken } },
        })
        const posted = JSON.stringify(body(parseJson(bytes) ?? null, account))
        for (const repetition of [1, 2])
          t.equal((await post(service, channel.id, posted)).status, 200, `${name}, ${repetition}`)
        t.equal((await post(service, channel.id, `${posted} `, 'another-secret')).status, 401, `${name}, forged`)
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
      t.ok(rows.filter((row) => row.status === 'processed').reduce((sum, row) => sum + row.n, 0) >= processedMin)
      t.same(
        rows.filter((row) => row.status === 'failed'),
        [],
      )
      t.same(
        await service.sql(
          `SELECT kind, match_value FROM app.identity WHERE verified AND state = 'active' GROUP BY 1, 2, channel_id HAVING count(*) > 1`,
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
      t.notMatch(service.logs.join(''), /wamid|mid\.|Kerry|Peter Chang|\b1[0-9]{10}\b.*text/)
    },
  )

/** The JSON with some of its members replaced, at any depth. */
function replaced(value: JsonValue, by: (key: string, value: JsonValue) => JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((one) => replaced(one, by))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, by(key, replaced(one, by))]))
}
