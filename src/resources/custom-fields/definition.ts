import type { CustomFieldType } from '../../access/model.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'

/** A field's definition, as far as its values are checked against it. */
export interface Definition {
  id: string
  key: string
  type: CustomFieldType
  format: 'plain' | 'email' | 'phone' | 'name' | null
  currency: string | null
  referenceTo: string | null
  options: readonly { value: string }[]
  required: boolean
  minimum: number | null
  maximum: number | null
  maxLength: number | null
}

/** The definitions of these keys, and of all that records must have. */
export async function definitionList(tx: Tx, resource: string, keys: readonly string[]): Promise<Definition[]> {
  return tx.query<Definition>(sql`
    SELECT f.id, f.key, f.type, f.format, f.currency, f.reference_to AS "referenceTo", f.options, f.required,
           f.minimum::float8, f.maximum::float8, f.max_length AS "maxLength"
      FROM app.custom_field f WHERE f.tenant_id = ${tx.principal.tenantId}::uuid AND f.resource = ${resource} AND f.state = 'active'
       AND (f.required OR f.key = ANY (${array(keys, 'text')}))`)
}
