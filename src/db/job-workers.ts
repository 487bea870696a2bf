import { randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type pg from 'pg'

/** A worker that has not been heard of for so long is dead, and its jobs are for others. */
const deadAfterSeconds = 30
export const heartbeatMs = 5_000

/** Tells this process from an earlier one that had the same number. */
const processId = randomUUID()

/**
 * Says that these workers live, and releases the jobs of those that do not: a killed process would keep its jobs for
 * hours. Dead is who is silent for too long, or whose process on this very machine is gone.
 */
export async function heartbeat(connections: pg.Pool, ids: readonly string[]): Promise<void> {
  await connections.query(
    `INSERT INTO directory.worker (worker_id, place, process_number, process_id) SELECT id, $2, $3, $4 FROM unnest($1::text[]) AS id
     ON CONFLICT (worker_id) DO UPDATE SET seen_at = now()`,
    [ids, place, process.pid, processId],
  )
  const { rows } = await connections.query<{ worker_id: string; process_number: number; process_id: string }>(
    'SELECT worker_id, process_number, process_id FROM directory.worker WHERE place = $1 AND worker_id <> ALL ($2)',
    [place, ids],
  )
  const dead = rows.filter((row) => !lives(row.process_number, row.process_id)).map((row) => row.worker_id)
  await connections.query(
    'DELETE FROM directory.worker WHERE worker_id = ANY ($1) OR seen_at < now() - make_interval(secs => $2)',
    [dead, deadAfterSeconds],
  )
  // A job whose worker is not listed: dead since long, unless it began before its worker's first heartbeat.
  await connections.query(
    `SELECT graphile_worker.force_unlock_workers(array_agg(DISTINCT locked_by)) FROM graphile_worker.jobs
      WHERE locked_by IS NOT NULL AND (locked_by = ANY ($1) OR locked_at < now() - make_interval(secs => $2))
        AND NOT EXISTS (SELECT FROM directory.worker WHERE worker_id = locked_by)`,
    [dead, heartbeatMs / 1_000],
  )
}

/** These workers are no more: whatever they still hold is free. */
export async function farewell(connections: pg.Pool, id: string): Promise<void> {
  await connections.query('SELECT graphile_worker.force_unlock_workers(ARRAY[$1])', [id])
  await connections.query('DELETE FROM directory.worker WHERE worker_id = $1', [id])
}

/** Whether a worker's process on this machine runs. Our own number under another id is a predecessor's. */
function lives(number: number, id: string): boolean {
  if (number === process.pid) return id === processId
  try {
    process.kill(number, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Where a process number means something: this machine since it was started, and this container. */
const place = [
  hostname(),
  ...['/proc/sys/kernel/random/boot_id', '/proc/self/ns/pid'].map((path) => {
    try {
      return path.endsWith('pid') ? readlinkSync(path) : readFileSync(path, 'utf8').trim()
    } catch {
      return ''
    }
  }),
].join('/')
