import type { Tx } from '../../db/database.ts'
import { referenced } from '../../db/reference.ts'
import type { Fault } from '../../errors.ts'
import type { Definition } from './definition.ts'

/** Whether the record that a reference leads to is there for whoever sets it: both faults are answered alike. */
export async function checkReference(tx: Tx, { key, referenceTo }: Definition, id: string): Promise<Fault[]> {
  if (referenceTo === null) return []
  const model = tx.principal.ability.models.get(referenceTo)
  const found = model ? await referenced(tx, model, id) : null
  return found ? [] : [{ path: `/customFields/${key}`, code: 'unknown_reference', message: 'There is no such record.' }]
}
