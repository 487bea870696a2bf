import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { channelType } from '../../../src/channels/index.ts'
import { keptBuffer } from '../../../src/channels/kept-blob.ts'
import type { NeutralEvent } from '../../../src/channels/neutral.ts'
import { postOf } from '../../channels/post.ts'
import { sameTable } from '../../channels/samples/table.ts'
import { type Lanes, startLanes } from '../lanes.ts'

/** What goes over the wire. */
export interface Posted {
  body: string | Buffer
  headers?: Record<string, string | undefined>
}

export interface SamplePost {
  /** the file, and which of several posts that are in it */
  name: string
  type: string
  /** of a channel of its own, since samples repeat placeholders for ids */
  settings: Record<string, unknown>
  post: Posted
  /** the same with one byte altered, or signed by somebody else; none where nothing is signed */
  forged: readonly Posted[]
}

export interface Expected {
  /** the files of which an event may fail: it is kept with its reason, where it can be replayed */
  failing?: RegExp
  /** files that are read by nobody, and why: they stand in the table */
  unread?: readonly string[]
}

/** The same with one bit of the byte in its middle turned. */
export function altered({ body, headers = {} }: Posted): Posted {
  const bytes = Buffer.from(body)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  return { body: bytes, headers }
}

const outcomes = /^(processed|ignored|duplicate|failed)$/

/**
 * Posts every sample over HTTP to a channel and a business unit of its own, as its provider signs it, twice, and forged
 * once each way; has all of it processed, and holds what came of it against the committed table.
 */
export async function takeIn(
  t: Test,
  table: string,
  samples: readonly SamplePost[],
  { failing, unread = [] }: Expected = {},
): Promise<Lanes> {
  const lanes = await startLanes(t, { listen: true })
  const { service, drain } = lanes
  const send = async (channelId: string, { body, headers = {} }: Posted): Promise<number> => {
    const given = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    )
    const answer = await fetch(`${service.url}/v1/ingest/${channelId}`, {
      method: 'POST',
      headers: Object.fromEntries(given),
      body: Buffer.from(body),
      redirect: 'manual',
    })
    await answer.arrayBuffer()
    return answer.status
  }
  const units = samples.map(() => randomUUID())
  await service.sql(
    `INSERT INTO app.business_unit (tenant_id, id, name, region) SELECT $1, id, id::text, 'default' FROM unnest($2::uuid[]) AS id`,
    [service.tenantId, units],
  )
  const posted: { name: string; unitId: string; channelId: string; answers: string }[] = []
  for (const { name, type, settings, post, forged } of samples) {
    const unitId = units[posted.length]
    const body = { type, name: name.slice(-100), businessUnitId: unitId, settings }
    const channel = await service.request('POST', '/v1/channels', { body })
    if (channel.status !== 201) throw new Error(`${name}: ${channel.text}`)
    const status = await send(channel.id, post)
    t.match(String(status), /^(2\d\d|303)$/, name)
    const refused: number[] = []
    for (const one of forged) refused.push(await send(channel.id, one))
    t.same(
      refused,
      forged.map(() => 401),
      `${name}: forged`,
    )
    t.equal(await send(channel.id, post), status, `${name}: once more`)
    const answers = [status, forged.length === 0 ? 'unsigned' : refused.join(' ')].join(' | ')
    posted.push({ name, unitId: String(unitId), channelId: channel.id, answers })
  }
  for (const [i, sample] of samples.entries()) await rememberedBy(lanes, sample, posted[i]?.channelId ?? '')
  const before = await rowsOf(lanes)
  await drain()

  const events = await eventsOf(lanes)
  const rows = (await rowsOf(lanes)).flatMap((one) => {
    const known = before.find(({ unitId, what }) => unitId === one.unitId && what === one.what)
    const n = one.n - (known?.n ?? 0)
    return n > 0 ? [{ ...one, n }] : []
  })
  const kinds: string[] = []
  const lines = posted.map(({ name, unitId, channelId, answers }) => {
    const own = events.filter((one) => one.channelId === channelId)
    for (const { kind, status, reason } of own) {
      t.match(status, outcomes, `${name}: ${kind}`)
      if (status !== 'processed') t.match(reason, /^[a-z0-9_]+$/, `${name}: ${kind}`)
      if (status === 'failed') t.match(name, failing ?? /^$/, `${name}: ${kind} ${reason}`)
    }
    const said = own.map(({ kind, status, reason }) => [`${kind}:`, status, reason ?? ''].join(' ').trim())
    kinds.push(...said)
    const came = rows.filter((one) => one.unitId === unitId).map(({ what, n }) => (n === 1 ? what : `${n} × ${what}`))
    return [name, answers, counted(said).join('; ') || 'no event', came.sort().join(', ') || 'nothing'].join(' | ')
  })
  t.equal(
    events.filter((one) => !posted.some(({ channelId }) => one.channelId === channelId)).length,
    0,
    'no event is anybody else’s',
  )
  sameTable(
    t,
    `http-${table}`,
    [...lines, ...unread, '', 'event kind: what became of it', ...counted(kinds)],
    'file | answer | forged | what became of its events | what came of them',
  )
  await readable(t, lanes)
  return lanes
}

/** Who had said what an event is about: we, unless it is a change of what somebody said. */
function sideOf(event: NeutralEvent): 'inbound' | 'outbound' {
  if (event.type === 'reaction') return 'inbound'
  return event.type === 'edit' || event.type === 'delete' ? event.direction : 'outbound'
}

/** What a sample speaks of without telling it was said before: messages that are read, edited, taken back, reacted to. */
async function rememberedBy(
  { service }: Lanes,
  { type, settings, post }: SamplePost,
  channelId: string,
): Promise<void> {
  const { request, sql } = service
  const channel = channelType(type)
  if (!channel) throw new Error(type)
  const known = channel.settings.parse(settings)
  const split = channel.split(postOf(post.body, post.headers), known)
  const said: NeutralEvent[] = []
  for (const { kind, payload, blob } of 'events' in split ? split.events : []) {
    const kept = blob === undefined ? {} : { kept: keptBuffer(blob) }
    const parsed = await channel.parse({ kind, payload, ...kept }, { settings: known })
    if (parsed.outcome === 'events') said.push(...parsed.events)
  }
  const told = new Set(said.flatMap((one) => (one.type === 'message' ? one.externalId : [])))
  const missing = said.flatMap((one): [string, string][] =>
    !('externalId' in one) || one.externalId === undefined || told.has(one.externalId)
      ? []
      : [[one.externalId, sideOf(one)]],
  )
  if (missing.length === 0) return
  const [place] = await sql<{ unit: string }>('SELECT business_unit_id AS unit FROM app.channel WHERE id = $1', [
    channelId,
  ])
  const body = { displayName: 'Somebody', businessUnitId: place?.unit }
  const contact = await request('POST', '/v1/contacts', { body })
  const conversationId = randomUUID()
  await sql(
    `INSERT INTO app.conversation (tenant_id, id, business_unit_id, contact_id, channel_id, channel, veiled)
     SELECT tenant_id, $1, business_unit_id, $2, id, type, '{}' FROM app.channel WHERE id = $3`,
    [conversationId, contact.id, channelId],
  )
  for (const [externalId, direction] of new Map(missing))
    await sql(
      `INSERT INTO app.message (tenant_id, id, business_unit_id, conversation_id, contact_id, channel_id, direction, type, content, text, veiled, status, author_kind, external_id, occurred_at)
       SELECT tenant_id, $1, business_unit_id, id, contact_id, channel_id, $2, 'text', '{"text": "as before"}', 'as before', '{}', $3, $4, $5, '2020-01-01T00:00:00Z'
         FROM app.conversation WHERE id = $6`,
      [
        randomUUID(),
        direction,
        direction === 'outbound' ? 'sent' : 'received',
        direction === 'outbound' ? 'member' : 'contact',
        externalId,
        conversationId,
      ],
    )
}

/** Equal ones together, in the order of the alphabet, with how many there are. */
function counted(texts: readonly string[]): string[] {
  return [...Map.groupBy(texts, (text) => text)]
    .map(([text, all]) => (all.length === 1 ? text : `${text} × ${all.length}`))
    .sort()
}

interface EventRow {
  channelId: string
  kind: string
  status: string
  reason: string | null
}

const eventsOf = ({ service }: Lanes): Promise<EventRow[]> =>
  service.sql<{ channelId: string; kind: string; status: string; reason: string | null }>(
    `SELECT received_channel_id AS "channelId", kind, status, reason FROM app.inbound_event ORDER BY sequence`,
  )

/** What there is in each business unit, in words that say nothing of what is in it. */
const rowsOf = ({ service }: Lanes): Promise<{ unitId: string; what: string; n: number }[]> =>
  service.sql<{ unitId: string; what: string; n: number }>(
    `SELECT "unitId", what, count(*)::int AS n FROM (
       SELECT business_unit_id AS "unitId", 'contact' AS what FROM app.contact
       UNION ALL SELECT business_unit_id, kind || ' address' || CASE WHEN verified THEN '' ELSE ' (claim)' END
           || CASE WHEN state = 'active' THEN '' ELSE ' ' || state END FROM app.identity
       UNION ALL SELECT business_unit_id, CASE WHEN thread_key = '' THEN 'conversation' ELSE 'conversation of a thread' END FROM app.conversation
       UNION ALL SELECT business_unit_id, concat_ws(' ', direction, 'message', type, CASE WHEN edited_at IS NOT NULL THEN 'edited' END,
           CASE WHEN deleted_at IS NOT NULL THEN 'deleted' END, CASE WHEN historical THEN 'historical' END,
           CASE WHEN direction = 'outbound' THEN '(' || status || ')' END) FROM app.message
       UNION ALL SELECT m.business_unit_id, 'reaction' FROM app.message AS m, jsonb_array_elements(m.reactions)
       UNION ALL SELECT business_unit_id, 'file' FROM app.attachment
       UNION ALL SELECT business_unit_id, concat_ws(' ', 'consent', category, state) FROM app.consent_event
       UNION ALL SELECT business_unit_id, 'trouble ' || last_error FROM app.channel WHERE last_error IS NOT NULL
     ) AS one GROUP BY 1, 2`,
  )

/** What came out can be read by everybody who may: each answer is held against its schema by the service itself. */
async function readable(t: Test, { service }: Lanes): Promise<void> {
  const get = async (path: string) => {
    const answer = await service.request('GET', path)
    if (answer.status !== 200) t.fail(`${path}: ${answer.status} ${answer.text}`)
    return answer
  }
  await get('/v1/inbound-events?limit=200')
  for (const { id } of (await get('/v1/conversations?limit=200')).data)
    await get(`/v1/conversations/${id}/messages?limit=200`)
  for (const { id } of (await get('/v1/contacts?limit=200')).data) await get(`/v1/contacts/${id}/timeline`)
  t.same(
    await service.sql(
      `SELECT kind, match_value FROM app.identity WHERE verified AND state = 'active'
        GROUP BY business_unit_id, kind, channel_id, match_value HAVING count(*) > 1`,
    ),
    [],
    'an address is one contact’s',
  )
  t.notMatch(service.logs.join(''), /wamid|"mid\.|Kerry|Peter Chang/, 'nothing of it is logged')
}
