import type pg from 'pg'
import type { Principal } from '../access/principal.ts'
import type { PreparedStatements } from './prepared.ts'
import { type Compiled, fill } from './sql.ts'
import { Again, begin, committed, type JsonRow, together, unwritten } from './transaction.ts'

/**
 * One statement that holds its own audit event, between BEGIN and COMMIT, all sent at once; its first row.
 * @throws Again when its name was lost, Problem unavailable when the event could not be committed
 */
export async function oneStatement(
  client: pg.PoolClient,
  prepared: PreparedStatements,
  principal: Principal,
  statement: Compiled,
  values: Readonly<Record<string, unknown>>,
): Promise<Record<string, JsonRow[]> | undefined> {
  const query = prepared.query(statement, fill(statement, values))
  const [, result, end] = await together(client, () => [
    client.query(begin(principal)),
    client.query(query),
    client.query('COMMIT'),
  ]).catch((error: unknown) => {
    throw prepared.isLost(error) ? new Again() : unwritten(error)
  })
  committed(end)
  return result?.rows[0]
}
