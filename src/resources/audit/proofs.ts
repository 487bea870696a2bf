import { z } from 'zod'
import { rowsWhere } from '../../access/door.ts'
import type { Principal } from '../../access/principal.ts'
import { consistencySpans, inclusionSpans, type Span } from '../../audit/merkle.ts'
import type { Caller, Database, JsonRow, ReadPlan } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'
import { readableEvent } from '../../db/tables/audit.ts'
import { Problem } from '../../errors.ts'
import { auditEvents } from '../audit-events/schema.ts'
import { leavesOf, sealedPart, wholeWhere } from './sealed-part.ts'
import {
  checkpointPart,
  checkpointRow,
  hashesPart,
  keyRow,
  keysPart,
  newestPart,
  nothingTouched,
  storedRanges,
} from './tree-parts.ts'

const access = { action: 'read', resource: 'audit-events' } as const

/** What is sealed every few seconds is not sealed yet. */
export const notSealed = (): Problem => new Problem('not_sealed', { audited: true, headers: { 'retry-after': '5' } })

const leafRow = z.object({ _index: z.int().nullable(), _hash: z.string().nullable() })

/**
 * The proof that an event is in the log that was signed last. One statement: the event, its leaf, the hashes around it,
 * the checkpoint and the keys.
 * @throws Problem not_found, not_sealed
 */
export async function eventProofOf(db: Database, caller: Caller, id: string): Promise<JsonRow> {
  const found = await db.read(caller, access, (principal) => proofPlan(principal, id))
  const [row] = found.rows ?? []
  if (!row) throw new Problem('not_found', { audited: true })
  const { _index: index, _hash: leafHash } = leafRow.parse(row)
  const [newest] = found.checkpoint ?? []
  if (index === null || !newest) throw notSealed()
  const { size, note } = checkpointRow.parse(newest)
  const text = leavesOf(found.sealed ?? []).get(id)
  return {
    eventId: id,
    ...(text === undefined ? {} : { leaf: text }),
    leafHash,
    leafIndex: index,
    treeSize: size,
    proof: hashes(inclusionSpans(index, size), found.hashes),
    checkpoint: note,
    endorsements: endorsements(found.keys),
  }
}

/**
 * The proof that the log of one checkpoint begins with the log of another.
 * @param to left out: the newest
 * @throws Problem not_found where there is no checkpoint of such a size, invalid_request
 */
export async function consistencyOf(
  db: Database,
  caller: Caller,
  asked: { from: number; to?: number | undefined },
): Promise<JsonRow> {
  const found = await db.read(caller, access, () => consistencyPlan(asked))
  const [earlier] = found.earlier ?? []
  const [later] = found.later ?? []
  if (!earlier || !later) throw new Problem('not_found', { audited: true })
  const from = checkpointRow.parse(earlier)
  const to = checkpointRow.parse(later)
  if (from.size > to.size)
    throw new Problem('invalid_request', {
      audited: true,
      errors: [{ path: 'from', code: 'too_big', message: 'The earlier checkpoint is the smaller one.' }],
    })
  return {
    from: { size: from.size, checkpoint: from.note },
    to: { size: to.size, checkpoint: to.note },
    proof: hashes(consistencySpans(from.size, to.size), found.hashes),
    endorsements: endorsements(found.keys),
  }
}

function proofPlan(principal: Principal, id: string): ReadPlan {
  return {
    key: 'audit/proof',
    wanted: id,
    values: { id },
    parts: () => {
      const rows = rowsWhere(principal, auditEvents, 'read') || sql`false`
      const whole = wholeWhere(principal)
      // What is not sealed yet has no sealed form to show.
      const isShown = sql`(leaf.leaf_index IS NOT NULL AND ${typeof whole === 'boolean' ? sql.raw(String(whole)) : whole}) IS TRUE`
      const all = sql`${sql.param([...auditEvents.fields.keys()].filter((name) => name !== 'id'))}::text[]`
      return [
        {
          name: 'rows',
          resource: auditEvents.name,
          columns: sql`${readableEvent.eventId} AS id, NULL::uuid AS "_subject", ${readableEvent.occurredAt} AS "_at",
            leaf.leaf_index AS "_index", encode(leaf.leaf_hash, 'base64') AS "_hash", ${isShown} AS "_whole",
            CASE WHEN ${isShown} THEN ${all} ELSE '{}' END AS "_shown", '{}'::text[] AS "_masked"`,
          from: sql`${auditEvents.table} LEFT JOIN audit.leaf AS leaf
            ON leaf.tenant_id = ${readableEvent.tenantId} AND leaf.event_id = ${readableEvent.eventId} AND leaf.occurred_at = ${readableEvent.occurredAt}`,
          tenant: auditEvents.tenant,
          where: sql`${rows} AND ${readableEvent.eventId} = ${named('id')}::uuid`,
          shown: ['id'],
          masked: [],
          byRow: true,
        },
        newestPart,
        keysPart,
        sealedPart(sql`SELECT r.id, r."_at" FROM rows AS r WHERE r."_whole"`),
        hashesPart(
          sql`SELECT r."_index" FROM rows AS r`,
          sql`(SELECT c.size FROM checkpoint AS c WHERE EXISTS (SELECT FROM rows AS r WHERE r."_index" IS NOT NULL))`,
        ),
      ]
    },
  }
}

function consistencyPlan({ from, to }: { from: number; to?: number | undefined }): ReadPlan {
  const size = sql`(SELECT l.size FROM later AS l)`
  return {
    key: `audit/consistency/${to === undefined ? 'newest' : 'to'}`,
    values: { from, to: to ?? null },
    parts: () => [
      nothingTouched,
      checkpointPart('earlier', sql`c.size = ${named('from')}::bigint`, sql`1`),
      checkpointPart('later', to === undefined ? sql`true` : sql`c.size = ${named('to')}::bigint`, sql`1`),
      keysPart,
      // The way up from the last leaf of the earlier tree passes all that the proof is made of.
      hashesPart(sql`SELECT e.size - 1 FROM earlier AS e WHERE e.size <= ${size}`, size),
    ],
  }
}

const hashes = (spans: readonly Span[], rows: readonly JsonRow[] = []): string[] => {
  const stored = storedRanges(rows)
  return spans.map((span) => stored.hashOf(span).toString('base64'))
}

export const endorsements = (rows: readonly JsonRow[] = []): string[] =>
  rows.map((row) => keyRow.parse(row).endorsement)
