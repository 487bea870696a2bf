import { type Checkpoint, type Leaf, type Place, SealedTables, type StoredEvent } from './sealed-tables.ts'

/** What only a check asks: by id, for what stands where nothing should, for what was left out on purpose. */
export class CheckedTables extends SealedTables {
  /** All rows of these events: more than one where somebody has put a second one beside it. */
  eventsById(ids: readonly string[]): Promise<StoredEvent[]> {
    return this.eventsWhere('event_id = ANY ($2)', [[...ids]])
  }

  leavesOf(eventIds: readonly string[]): Promise<Leaf[]> {
    return this.leavesWhere('event_id = ANY ($2) ORDER BY leaf_index', [[...eventIds]])
  }

  /** The events that have more than one leaf: their ids, as many as asked for. */
  async sealedTwice(limit: number): Promise<string[]> {
    const rows = await this.ask<{ id: string }>(
      'SELECT event_id AS id FROM audit.leaf WHERE tenant_id = $1 GROUP BY event_id HAVING count(*) > 1 LIMIT $2',
      [this.tenantId, limit],
    )
    return rows.map((row) => row.id)
  }

  checkpointsOf(sizes: readonly number[]): Promise<Checkpoint[]> {
    return this.checkpointsWhere('size = ANY ($2)', [[...sizes]])
  }

  nodes(level: number, from: number, to: number): Promise<{ index: number; hash: Buffer }[]> {
    return this.ask(
      'SELECT node_index AS index, hash FROM audit.node WHERE tenant_id = $1 AND level = $2 AND node_index >= $3 AND node_index < $4',
      [this.tenantId, level, from, to],
    )
  }

  /** Nodes over more leaves than there are. */
  nodesBeyond(size: number): Promise<{ level: number; index: number }[]> {
    return this.ask(
      `SELECT level, node_index AS index FROM audit.node
        WHERE tenant_id = $1 AND (node_index + 1)::numeric * 256::numeric ^ level > $2 ORDER BY level, node_index LIMIT 100`,
      [this.tenantId, size],
    )
  }

  /**
   * Events whose transaction has not begun, or is of an epoch to come; and, as the row itself still knows which
   * transaction wrote it, those above a place that carry another transaction's number.
   */
  async misdated(from: Place, limit: number): Promise<{ eventId: string; isAhead: boolean }[]> {
    return this.ask(
      `SELECT event_id AS "eventId", is_ahead AS "isAhead" FROM (
         SELECT e.event_id, e.epoch, e.transaction_id,
                e.epoch > n.epoch OR e.epoch = n.epoch AND e.transaction_id >= n.next
                  AND e.transaction_id IS DISTINCT FROM pg_current_xact_id_if_assigned() AS is_ahead,
                e.epoch = n.epoch AND e.xmin::text <> (e.transaction_id::text::numeric % 4294967296)::text AS is_other
           FROM audit.event AS e,
                (SELECT directory.epoch() AS epoch, pg_snapshot_xmax(pg_current_snapshot()) AS next) AS n
          WHERE e.tenant_id = $1 AND (e.epoch, e.transaction_id) >= ($2::int, $3::xid8)) AS e
        WHERE is_ahead OR is_other ORDER BY epoch, transaction_id LIMIT $4`,
      [this.tenantId, from.epoch, from.transactionId, limit],
    )
  }

  /** Events from a place on that say that a month was dropped. */
  droppedFrom(from: Place): Promise<StoredEvent[]> {
    return this.eventsWhere(
      `(epoch, transaction_id) >= ($2::int, $3::xid8) AND resource = 'audit-events' AND code = 'month_dropped'`,
      [from.epoch, from.transactionId],
    )
  }

  /** @param month "2025-01", in UTC */
  async hasEventsOf(month: string): Promise<boolean> {
    const [year, number] = month.split('-').map(Number)
    const end = new Date(Date.UTC(year ?? 0, number ?? 0, 1)).toISOString()
    const rows = await this.ask(
      'SELECT FROM audit.event WHERE tenant_id = $1 AND occurred_at >= $2::timestamptz AND occurred_at < $3::timestamptz LIMIT 1',
      [this.tenantId, `${month}-01T00:00:00Z`, end],
    )
    return rows.length > 0
  }

  /** All shapes, after one of them. */
  shapesAfter(id: string, limit: number): Promise<{ id: string; text: string }[]> {
    return this.ask(
      'SELECT shape_id AS id, shape::text AS text FROM audit.shape WHERE tenant_id = $1 AND shape_id > $2 ORDER BY shape_id LIMIT $3',
      [this.tenantId, id, limit],
    )
  }

  /** In one snapshot: the newest checkpoint, whether anything stands beyond it, and the place that nothing is behind. */
  async head(): Promise<{ newest: Checkpoint | null; beyond: Leaf[] }> {
    const newest = await this.newestCheckpoint()
    return { newest, beyond: await this.leaves(newest?.size ?? 0, 100) }
  }
}
