import type { Resource } from '../../access/define.ts'
import type { CustomFieldType } from '../../access/model.ts'
import type { Principal } from '../../access/principal.ts'
import { Finish, type Tx } from '../../db/database.ts'
import { ruled } from '../../db/reference.ts'
import { unknownField } from '../../db/rows.ts'
import { array, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { Beforehand } from '../../http/beforehand.ts'
import { createRow } from '../../http/record-changes.ts'
import { policyChanged } from '../roles/policy-version.ts'
import { checkCap } from './cap.ts'
import { customFields } from './schema.ts'

/**
 * What becomes of values of fields that nobody has defined: whoever may define fields has them defined first, in a change
 * of its own; to all others they answer as fields that may not be used.
 * @throws always
 */
export function defineFirst(
  { ability }: Principal,
  resource: Resource,
  given: readonly (readonly [key: string, value: unknown])[],
): never {
  const at = (key: string): string => `/customFields/${key}`
  if (!ability.may('create', 'custom-fields'))
    throw new Problem('invalid_request', {
      errors: given.map(([key]) => unknownField(at(key), `customFields.${key}`)),
    })
  const types = given.map(([key, value]) => ({ key, type: inferredType(value) }))
  const untold = types.filter(({ type }) => type === null)
  if (untold.length > 0)
    throw ruled(
      ...untold.map(({ key }) => ({
        path: at(key),
        code: 'not_defined',
        message: 'There is no such field, and this value does not tell what it is: define it first.',
      })),
    )
  throw new Beforehand(({ db }, caller) =>
    db.change(caller, { action: 'create', resource: customFields.name }, (tx) => define(tx, resource.name, types)),
  )
}

/** The type of a field that comes into being with this value; a text stays text, whatever it looks like. */
export function inferredType(value: unknown): CustomFieldType | null {
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  return typeof value === 'string' ? 'text' : null
}

/** With the rights of whoever asks, like definitions that are made one by one. */
async function define(
  tx: Tx,
  resource: string,
  types: readonly { key: string; type: CustomFieldType | null }[],
): Promise<void> {
  await policyChanged(tx)
  const keys = types.map(({ key }) => key)
  const there = await tx.query<{ key: string }>(sql`SELECT key FROM app.custom_field
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND resource = ${resource} AND state = 'active' AND key = ANY (${array(keys, 'text')})`)
  const missing = types.filter(({ key }) => !there.some((one) => one.key === key))
  await checkCap(tx, resource, missing.length, '/customFields')
  // Somebody else was faster.
  if (missing.length === 0) tx.touch({ resource: customFields.name, ids: [] })
  for (const { key, type } of missing) {
    const made = await createRow(tx, { resource: customFields }, { resource, key, type })
    if (made instanceof Finish) await made.now(tx)
  }
}
