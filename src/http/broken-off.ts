import type { FastifyRequest } from 'fastify'
import type { AuditEntry } from '../db/audit-event.ts'
import type { Caller, Database } from '../db/database.ts'
import { Problem } from '../errors.ts'

/**
 * Why an answer that is given out piece by piece goes no further, once it has begun: on record like any refusal.
 * @returns the code to tell, where there is still a way to
 */
export async function brokenOff(
  db: Database,
  request: FastifyRequest,
  caller: Caller,
  entry: AuditEntry,
  error: unknown,
): Promise<string> {
  if (!(error instanceof Problem) || error.status >= 500) {
    request.log.error({ err: error }, 'an answer was broken off')
    return 'unavailable'
  }
  if (error.status === 401 || error.options.audited) return error.code
  try {
    await db.denied(caller, entry, error.code)
    return error.code
  } catch (cause) {
    request.log.error({ err: cause }, 'the end of an answer could not be recorded')
    return 'unavailable'
  }
}
