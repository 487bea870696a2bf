import type { Touched } from '../../db/audit-event.ts'
import type { JsonRow, Tx } from '../../db/database.ts'
import { columnsOf, finishRow, updateRow } from '../../db/row-changes.ts'
import { residenceColumns } from '../contacts/addresses.ts'
import { contacts } from '../contacts/schema.ts'
import { definitionList } from '../custom-fields/definition.ts'
import { valuesRemove, valuesSet } from '../custom-fields/stored.ts'
import { catalogueTags } from '../tags/queries.ts'
import { type Origins, partedChange } from './origins.ts'

const customPrefix = 'customFields.'

/**
 * Sets fields of a contact that merging or parting gives it: by full public names, null for nothing. Not what the caller
 * asks for field by field, but what follows from the whole: the right to merge is enough.
 * @param clear the contact before, in clear
 * @param originOf whose values they are: the audit keeps each under the key of whom it is about
 * @returns the record as the caller sees it; its version counts one more
 */
export async function writeFields(
  tx: Tx,
  id: string,
  clear: JsonRow,
  values: ReadonlyMap<string, unknown>,
  originOf: Origins,
): Promise<JsonRow> {
  const custom = [...values].flatMap(([name, value]) =>
    name.startsWith(customPrefix) ? [{ key: name.slice(customPrefix.length), value }] : [],
  )
  if (custom.length > 0) {
    const definitions = await definitionList(
      tx,
      contacts.name,
      custom.map(({ key }) => key),
    )
    // A field that was given up meanwhile has no values.
    const known = custom.flatMap(({ key, value }) => {
      const field = definitions.find((one) => one.key === key)
      return field ? [{ contactId: id, field, value }] : []
    })
    const gone = known.filter(({ value }) => value === null)
    await valuesRemove(
      tx,
      id,
      gone.map(({ field }) => field),
    )
    await valuesSet(
      tx,
      String(clear.businessUnitId),
      known.filter((one) => !gone.includes(one)),
    )
  }
  const body = Object.fromEntries([...values].filter(([name]) => !name.startsWith(customPrefix)))
  await catalogueTags(tx, body)
  const columns = { ...columnsOf(contacts, body), ...residenceColumns(body, body) }
  const finish = finishRow(tx, contacts, updateRow(tx, contacts, id, columns, true), {
    id,
    after: { ...clear, ...body },
    changed: [...values.keys()],
    version: Number(clear.version) + 1,
    subjectId: id,
    before: clear,
    isWritten: true,
  })
  const parted: Tx = Object.create(tx, {
    touch: {
      value: (one: Touched) => {
        const changes = (one.values ?? []).flatMap((change) => partedChange(change, originOf))
        const subjectIds = [...new Set([id, ...changes.map(({ subjectId }) => subjectId)])]
        tx.touch({ ...one, subjectIds, values: changes })
      },
    },
  })
  return finish.now(parted)
}
