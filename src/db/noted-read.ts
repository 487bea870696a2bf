import type pg from 'pg'
import type { Principal } from '../access/principal.ts'
import type { TenantKeys } from '../privacy/keyring.ts'
import type { PreparedStatements } from './prepared.ts'
import { type Note, sealNote, storedKey } from './sealed-note.ts'
import { type Compiled, compile, fill, type SQL, sql } from './sql.ts'
import { Again, begin, committed, type JsonRow, unwritten } from './transaction.ts'

/** A read that is one statement with its own audit event, and what is said beside it. */
export interface NotedRead {
  statement: Compiled
  values: Readonly<Record<string, unknown>>
  eventId: string
  note: Note
  keys: TenantKeys
}

/**
 * Runs a read whose note goes with the contact that it is about: which one that is, the statement itself finds out. So
 * it runs twice in its transaction, the first time for that alone. For the few reads that say something.
 * @returns its first row
 * @throws Again when what it is about has changed in between
 */
export async function notedRead(
  client: pg.PoolClient,
  prepared: PreparedStatements,
  principal: Principal,
  { statement, values, eventId, note, keys }: NotedRead,
): Promise<Record<string, JsonRow[]> | undefined> {
  const { tenantId } = principal
  const query = async <T>(asked: SQL): Promise<T[]> => {
    const { text, params } = compile(asked)
    return (await client.query({ text, values: params as unknown[] })).rows
  }
  const run = async (sealedNote: Buffer | null): Promise<Record<string, JsonRow[]> | undefined> =>
    (await client.query(prepared.query(statement, fill(statement, { ...values, sealedNote })))).rows[0]
  const subject = async (): Promise<string | null> => {
    const [event] = await query<{ ids: string[] }>(
      sql`SELECT subject_ids AS ids FROM audit.readable_event WHERE tenant_id = ${tenantId}::uuid AND event_id = ${eventId}::uuid
        AND occurred_at > transaction_timestamp() - interval '1 hour'`,
    )
    return event?.ids.length === 1 ? (event.ids[0] ?? null) : null
  }
  await client.query(begin(principal))
  try {
    await client.query('SAVEPOINT unsaid')
    await run(null)
    const about = await subject()
    const wrapped = about === null ? undefined : await storedKey(tenantId, about, query)
    await client.query('ROLLBACK TO SAVEPOINT unsaid')
    const row = await run(sealNote(keys, eventId, note, about !== null && wrapped ? { id: about, wrapped } : null))
    if ((await subject()) !== about) throw new Again()
    committed(await client.query('COMMIT'))
    return row
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    if (error instanceof Again || prepared.isLost(error)) throw new Again()
    throw unwritten(error)
  }
}
