import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { AuditEntry } from '../db/audit-event.ts'
import { type Caller, type Database, Finish, type JsonRow, type Tx } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import { Problem } from '../errors.ts'
import { fault, invalid } from './problem.ts'

/** What a POST led to: the record, and its id for a later replay. */
export interface Made {
  id: string
  record: JsonRow
}

class Replay extends Error {
  readonly id: string
  constructor(id: string) {
    super('replay')
    this.id = id
  }
}

const stored = z.object({ fingerprint: z.string(), id: z.uuid() })

/**
 * Runs a change at most once per Idempotency-Key and principal within 24 hours
 * (draft-ietf-httpapi-idempotency-key-header). What is kept is the result's id, in the change's own transaction, so that
 * a crash leaves both or neither; a replay is rendered by `again`, under today's rights.
 * @param body what makes the request the same or another one; for a body that is not kept in memory, its hash
 */
export async function changeOnce(
  db: Database,
  caller: Caller,
  request: FastifyRequest,
  reply: FastifyReply,
  entry: AuditEntry,
  work: (tx: Tx) => Promise<Made | Finish<Made>>,
  again: (id: string) => Promise<JsonRow>,
  body: unknown = request.body,
): Promise<Made> {
  const key = keyOf(request)
  if (key === null) return db.change(caller, entry, work)
  try {
    return await db.change(caller, entry, async (tx) => {
      // Keyed: a body may hold a password, and a plain hash of it could be tried against a word list.
      const fingerprint = tx.keys
        .hash('idempotency-request', `${request.method} ${request.url}\n${JSON.stringify(body) ?? ''}`)
        .toString('hex')
      const principalId = tx.principal.id ?? tx.principal.tenantId
      const hash = tx.keys.hash('idempotency', `${tx.principal.onBehalfOf ?? ''}/${key}`)
      // Two statements: the second one's snapshot is taken under the lock, so a first request that has just committed is seen.
      const [[lock], [row]] = await Promise.all([
        tx.query<{ free: boolean }>(
          sql`SELECT pg_try_advisory_xact_lock(hashtextextended(${`idempotency/${principalId}/${hash.toString('hex')}`}, 0)) AS free`,
        ),
        tx.query(sql`SELECT encode(fingerprint, 'hex') AS fingerprint, result->>'id' AS id FROM app.idempotency
          WHERE tenant_id = ${tx.principal.tenantId}::uuid AND principal_id = ${principalId}::uuid AND key_hash = ${hash} AND created_at > now() - interval '24 hours'`),
      ])
      if (!lock?.free) throw new Problem('idempotency_in_flight', { headers: { 'retry-after': '1' } })
      if (row) {
        const first = stored.parse(row)
        if (first.fingerprint !== fingerprint) throw new Problem('idempotency_mismatch')
        throw new Replay(first.id)
      }
      const result = await work(tx)
      const made = result instanceof Finish ? await result.now(tx) : result
      await tx.query(sql`INSERT INTO app.idempotency (tenant_id, principal_id, key_hash, fingerprint, status, result)
        VALUES (${tx.principal.tenantId}::uuid, ${principalId}::uuid, ${hash}, decode(${fingerprint}, 'hex'), 201, jsonb_build_object('id', ${made.id}::text))
        ON CONFLICT (tenant_id, principal_id, key_hash) DO UPDATE SET fingerprint = EXCLUDED.fingerprint, result = EXCLUDED.result, created_at = now()`)
      return made
    })
  } catch (error) {
    if (!(error instanceof Replay)) throw error
    reply.header('idempotent-replayed', 'true')
    return { id: error.id, record: await again(error.id) }
  }
}

function keyOf(request: FastifyRequest): string | null {
  const key = request.headers['idempotency-key']
  if (key === undefined) return null
  if (typeof key !== 'string' || key.length < 1 || key.length > 255)
    throw invalid(fault('idempotency-key', 'invalid_format', 'A key has 1 to 255 characters.'))
  return key
}
