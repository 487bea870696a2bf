import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Promised } from './clients.ts'
import type { Answered } from './ledger.ts'

/** It is with the provider, or behind one of its conversation that is. */
const isHeld = `EXISTS (SELECT FROM app.message h WHERE h.tenant_id = m.tenant_id AND h.conversation_id = m.conversation_id
  AND h.status = 'queued' AND h.dispatched_at > now() - interval '2 minutes')`

/** What is in the database in the end, held against what clients were told. Each gives lines that name a fault. */
export class Findings {
  readonly #pool: pg.Pool

  /** @param url the superuser's login */
  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 2 })
    // The database is restarted under it.
    this.#pool.on('error', () => {})
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }

  async #rows<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
    return (await this.#pool.query<T>(text, values)).rows
  }

  /** Every answer but 401 and 503 has its audit event, committed. */
  async unaudited(answers: readonly Answered[]): Promise<string[]> {
    const counted = answers.filter(({ status }) => status < 500 && status !== 401)
    const ids = counted.map((one) => one.requestId)
    const rows = await this.#rows<{ request_id: string }>(
      'SELECT DISTINCT request_id FROM audit.readable_event WHERE request_id = ANY ($1)',
      [ids],
    )
    const known = new Set(rows.map((row) => row.request_id))
    return counted
      .filter((one) => !known.has(one.requestId))
      .map(({ requestId, what, status }) => `${what}: ${status} without an audit event (${requestId})`)
  }

  /** Every event is a leaf of its tenant's tree, once, in the order of the events, and below the newest checkpoint. */
  async unsealed(): Promise<string[]> {
    const rows = await this.#rows<{ what: string; n: number }>(`
      SELECT 'events are not sealed' AS what, count(*)::int AS n FROM audit.event e
        WHERE NOT EXISTS (SELECT FROM audit.leaf l WHERE l.tenant_id = e.tenant_id AND l.event_id = e.event_id)
      UNION ALL SELECT 'leaves have no event', count(*)::int FROM audit.leaf l
        WHERE NOT EXISTS (SELECT FROM audit.event e WHERE e.tenant_id = l.tenant_id AND e.event_id = l.event_id)
      UNION ALL SELECT 'events are sealed twice', count(*)::int - count(DISTINCT (tenant_id, event_id))::int FROM audit.leaf
      UNION ALL SELECT 'leaves are out of order', count(*)::int FROM (
        SELECT l.leaf_index, row_number() OVER (PARTITION BY e.tenant_id ORDER BY e.epoch, e.transaction_id, e.sequence) - 1 AS place
          FROM audit.leaf l JOIN audit.event e ON e.tenant_id = l.tenant_id AND e.event_id = l.event_id) AS o WHERE leaf_index <> place
      UNION ALL SELECT 'leaves are beyond the newest checkpoint', count(*)::int FROM audit.leaf l
        WHERE l.leaf_index >= (SELECT coalesce(max(size), 0) FROM audit.checkpoint c WHERE c.tenant_id = l.tenant_id)`)
    return rows.filter(({ n }) => n > 0).map(({ what, n }) => `${n} ${what}`)
  }

  /** How many events there are, and checkpoints over them. */
  async sealed(): Promise<{ events: number; checkpoints: number }> {
    const [row] = await this.#rows<{ events: number; checkpoints: number }>(
      'SELECT (SELECT count(*)::int FROM audit.event) AS events, (SELECT count(*)::int FROM audit.checkpoint) AS checkpoints',
    )
    return row ?? { events: 0, checkpoints: 0 }
  }

  /** The process of a connection of the service that is at work, if there is one. */
  async busyBackend(): Promise<number | null> {
    const [row] = await this.#rows<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'custodia' ORDER BY state = 'idle', random() LIMIT 1`,
    )
    return row?.pid ?? null
  }

  /** What is left to be worked on. */
  async waiting(): Promise<string[]> {
    const rows = await this.#rows<{ what: string; n: number }>(`
      SELECT 'inbound events are stored' AS what, count(*)::int AS n FROM app.inbound_event WHERE status = 'stored'
      UNION ALL SELECT 'answers are queued', count(*)::int FROM app.message WHERE status = 'queued'`)
    return rows.filter(({ n }) => n > 0).map(({ what, n }) => `${n} ${what}`)
  }

  /** Every accepted event is processed, and is one message, shown in the order in which its customer wrote; one contact each. */
  async intake({ received }: Promised): Promise<string[]> {
    const faults: string[] = []
    const odd = await this.#rows<{ status: string; reason: string; n: number }>(
      `SELECT status, reason, count(*)::int AS n FROM app.inbound_event WHERE status <> 'processed' GROUP BY 1, 2`,
    )
    for (const { status, reason, n } of odd) faults.push(`${n} events are ${status} (${reason})`)
    for (const [from, ids] of received) {
      const rows = await this.#rows<{ external_id: string; contact_id: string }>(
        `SELECT external_id, contact_id FROM app.message WHERE direction = 'inbound' AND external_id LIKE $1 ORDER BY occurred_at, id`,
        [`wamid.${from}.%`],
      )
      const found = rows.map((row) => row.external_id).filter((id) => !id.endsWith('.first'))
      if (found.join() !== ids.join())
        faults.push(`${from}: ${ids.length} accepted, ${found.length} messages, ${firstDifference(ids, found)}`)
      if (new Set(found).size !== found.length) faults.push(`${from}: a message stands twice`)
      if (new Set(rows.map((row) => row.contact_id)).size > 1) faults.push(`${from}: more than one contact`)
    }
    return faults
  }

  /**
   * Every answer that was accepted is one message; it left once or, where the service died while it was on its way, its
   * fate is unknown and it left at most once.
   */
  async outbox({ sent }: Promised, delivered: readonly string[]): Promise<string[]> {
    const faults: string[] = []
    const rows = await this.#rows<{ id: string; text: string; status: string; is_held: boolean }>(
      `SELECT m.id, m.text, m.status, m.status = 'queued' AND ${isHeld} AS is_held FROM app.message m WHERE m.direction = 'outbound'`,
    )
    const times = new Map<string, number>()
    for (const text of delivered) times.set(text, (times.get(text) ?? 0) + 1)
    const byText = Map.groupBy(rows, (row) => row.text)
    for (const [text, same] of byText) if (same.length > 1) faults.push(`"${text}" was queued ${same.length} times`)
    for (const [text, count] of times) if (count > 1) faults.push(`"${text}" left ${count} times`)
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const [id, text] of sent) {
      const row = byId.get(id)
      const left = times.get(text) ?? 0
      if (row?.status === 'sent' ? left !== 1 : row?.status !== 'unknown' && !row?.is_held)
        faults.push(`the accepted answer "${text}" is ${row?.status ?? 'missing'} and left ${left} times`)
    }
    return faults
  }

  /** What was acknowledged is there, once. */
  async writes({ created, patched }: Promised): Promise<string[]> {
    const faults: string[] = []
    const rows = await this.#rows<{ source: string; n: number }>(
      `SELECT source, count(*)::int AS n FROM app.contact WHERE source LIKE 'load %' GROUP BY 1`,
    )
    for (const { source, n } of rows) if (n !== 1) faults.push(`${source} was created ${n} times`)
    const known = new Set(rows.map((row) => row.source))
    for (const source of created) if (!known.has(source)) faults.push(`${source} is lost`)
    for (const [id, { acknowledged, tried }] of patched) {
      const [row] = await this.#rows<{ follow_up_status: string }>(
        'SELECT follow_up_status FROM app.contact WHERE id = $1',
        [id],
      )
      const value = Number(row?.follow_up_status ?? 0)
      if (value < acknowledged || value > tried)
        faults.push(`${acknowledged} was acknowledged, ${tried} tried, ${value} is stored`)
    }
    return faults
  }
}

/** The faults that are left when there are none any more, or when time is up: what is under way is none. */
export async function eventually(find: () => Promise<string[]>, withinMs: number): Promise<string[]> {
  for (const deadline = Date.now() + withinMs; ; await sleep(300)) {
    const faults = await find()
    if (faults.length === 0 || Date.now() > deadline) return faults
  }
}

function firstDifference(wanted: readonly string[], found: readonly string[]): string {
  const at = wanted.findIndex((id, i) => found[i] !== id)
  return `first difference at ${at}: ${wanted[at]} against ${found[at]}`
}
