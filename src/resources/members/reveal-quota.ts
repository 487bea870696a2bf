import type { Resource } from '../../access/define.ts'
import type { Principal } from '../../access/principal.ts'
import type { JsonRow } from '../../db/database.ts'
import { Problem } from '../../errors.ts'

/**
 * How much of what is masked a principal may look at is a matter of administration, not of keeping records: to set it
 * takes that right beside the right to the field.
 * @throws Problem forbidden
 */
export function checkQuota({ ability }: Principal, resource: Resource, body: JsonRow, row: JsonRow): void {
  if (!('revealQuota' in body) || ability.can('administer', resource, row)) return
  throw new Problem('forbidden', {
    errors: [{ path: '/revealQuota', code: 'not_writable', message: 'You may not set "revealQuota".' }],
  })
}
