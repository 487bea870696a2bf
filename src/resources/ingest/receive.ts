import { randomUUIDv7 } from 'node:crypto'
import { z } from 'zod'
import type { RawEvent } from '../../channels/channel.ts'
import type { Caller, Database, InsertPlan } from '../../db/database.ts'
import type { InsertParts } from '../../db/insert-statement.ts'
import { named, sql } from '../../db/sql.ts'
import type { FileStore } from '../../privacy/file-store.ts'
import { keepBlob } from '../inbound-events/blobs.ts'
import { INLINE_BYTES_MAX, type KeptEventFile } from '../inbound-events/frame.ts'
import type { KnownChannel } from './known-channels.ts'
import { type RawRow, rawRows } from './raw-rows.ts'

const answer = z.object({ accepted: z.int() })

/**
 * Stores the events of a post, all or none, with their jobs and the audit event, in one round trip.
 * @param store takes long bytes of events; without it they are in the rows
 * @returns how many were new; null when the channel is not any more what it was, and then nothing was stored
 */
export async function receive(
  db: Database,
  caller: Caller,
  channel: KnownChannel,
  events: readonly RawEvent[],
  store?: FileStore,
): Promise<{ accepted: number } | null> {
  const isLong = ({ blob }: RawEvent): boolean => (blob?.length ?? 0) > INLINE_BYTES_MAX
  return store && events.some(isLong)
    ? receiveLong(db, caller, channel, events, store)
    : insert(db, caller, channel, events)
}

async function insert(
  db: Database,
  caller: Caller,
  channel: KnownChannel,
  events: readonly RawEvent[],
  files?: Files,
): Promise<{ accepted: number } | null> {
  const row = await db.insert(
    caller,
    { action: 'import', resource: 'inbound-events' },
    plan(channel, rawRows(channel, events, files)),
  )
  return row && answer.parse(row)
}

type Files = ReadonlyMap<number, { id: string; file: KeptEventFile }>

/** Long bytes are on the disk before the rows that name them are committed; those that no row names go again. */
async function receiveLong(
  db: Database,
  caller: Caller,
  channel: KnownChannel,
  events: readonly RawEvent[],
  store: FileStore,
): Promise<{ accepted: number } | null> {
  const { tenant } = channel
  const files = new Map<number, { id: string; file: KeptEventFile }>()
  for (const [i, { blob }] of events.entries()) {
    if (blob === undefined || blob.length <= INLINE_BYTES_MAX) continue
    const id = randomUUIDv7()
    files.set(i, { id, file: await keepBlob(store, tenant.tenantId, id, blob) })
  }
  const stored = await insert(db, caller, channel, events, files)
  // Where this fails, or the insert did in a way that nobody knows the end of, the upkeep sweeps.
  if (stored?.accepted !== events.length) await removeUnnamed(db, tenant, [...files.values()], store)
  return stored
}

async function removeUnnamed(
  db: Database,
  tenant: KnownChannel['tenant'],
  files: readonly { id: string; file: KeptEventFile }[],
  store: FileStore,
): Promise<void> {
  const ids = files.map(({ id }) => id)
  const rows = await db.lookup<{ id: string }>(
    tenant,
    sql`SELECT id FROM app.inbound_event WHERE tenant_id = ${tenant.tenantId}::uuid AND id = ANY (${sql.param(ids)}::uuid[])`,
  )
  const named = new Set(rows.map(({ id }) => id))
  for (const { id, file } of files) if (!named.has(id)) await store.remove(tenant.tenantId, file.storedAs)
}

function plan({ id, tenant, appHash, standing }: KnownChannel, rows: readonly RawRow[]): InsertPlan {
  return {
    key: 'inbound-events',
    parts,
    values: {
      channel: id,
      appHash,
      standing,
      rows: JSON.stringify(rows),
      jobPrefix: `normalise/${tenant.tenantId}/`,
      jobPayload: JSON.stringify(tenant),
    },
  }
}

/**
 * Order matters where transactions meet. Rows are inserted in the order of their hashes and jobs in the order of their
 * lanes, so that two posts with the same events in different orders do not wait for each other; the sequence, by which
 * a lane is processed, follows the post.
 */
function parts(): InsertParts {
  const tenant = sql`${named('eventTenant')}::uuid`
  const channel = sql`${named('channel')}::uuid`
  return {
    // The very channels by which the rows were made, unchanged: a secret or a status that changed counts at once.
    standing: sql`SELECT 1 AS ok WHERE ${named('standing')}::text[] = (
      SELECT array_agg(c.id || '/' || c.version ORDER BY c.id) FROM app.channel c
       WHERE c.tenant_id = ${tenant} AND (c.id = ${channel} OR c.app_hash = ${named('appHash')}::bytea)
         AND c.status = 'active' AND c.state = 'active')`,
    steps: [
      {
        name: 'raw',
        statement: sql`SELECT r.*, nextval('app.inbound_event_sequence_seq') AS sequence FROM json_to_recordset(${named('rows')}::json)
          AS r(id uuid, unit uuid, channel uuid, type text, account text, dedupe text, lane text, kind text, status text, occurred timestamptz, payload text, "storedAs" text)`,
      },
      {
        name: 'made',
        statement: sql`INSERT INTO app.inbound_event (tenant_id, id, business_unit_id, channel_id, received_channel_id, type, account,
            dedupe_hash, lane, sequence, kind, status, occurred_at, sealed_payload, stored_as)
          SELECT ${tenant}, r.id, r.unit, r.channel, ${channel}, r.type, r.account, decode(r.dedupe, 'hex'), decode(r.lane, 'hex'), r.sequence,
            r.kind, r.status, r.occurred, decode(r.payload, 'base64'), r."storedAs"
            FROM raw r, who ORDER BY r.type, r.account, r.dedupe
          ON CONFLICT (tenant_id, type, account, dedupe_hash) DO NOTHING RETURNING id, channel_id, status, encode(lane, 'hex') AS lane`,
      },
      {
        name: 'jobs',
        statement: sql`SELECT app.enqueue('normalise', array_agg(${named('jobPrefix')}::text || l.lane ORDER BY l.lane),
            array_agg(${named('jobPayload')}::jsonb || jsonb_build_object('channelId', l.channel_id, 'lane', l.lane) ORDER BY l.lane)) AS done, count(*)::int AS n
          FROM (SELECT m.lane, min(m.channel_id::text) AS channel_id FROM made m WHERE m.status = 'stored' GROUP BY m.lane) AS l`,
      },
    ],
    made: { step: 'made', resource: 'inbound-events' },
    answer: sql`(SELECT count(*)::int FROM made) AS accepted, (SELECT n FROM jobs) AS "_jobs"`,
  }
}
