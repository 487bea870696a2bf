import type { TenantKeys } from '../privacy/keyring.ts'
import type { SealedChange, Touched } from './audit-event.ts'
import { array, type SQL, sql } from './sql.ts'

/** The wrapped keys of contacts, as far as they have been read or made in a transaction; null: there is none yet. */
export type ContactKeys = Map<string, Buffer | null>

/** What a sealed change is bound to: it opens in no other event, and at no other place of it. */
export const changeContext = (eventId: string, index: number): string => `change/${eventId}/${index}`

/**
 * Seals what an event's records were and became, each under its contact's key, as JSON {resource, id, before, after}.
 * @param known the keys that came along with the rows; the others are read, and made on first use
 * @returns the sealed changes; and where a contact is made in this same transaction, its new key in `made`, which is
 * stored by `behind`, to be sent behind the contact's own row
 */
export async function sealChanges(
  touched: readonly Touched[],
  eventId: string,
  setting: {
    tenantId: string
    keys: () => TenantKeys
    known: ContactKeys
    query: <T>(statement: SQL) => Promise<T[]>
  },
): Promise<{ changes: SealedChange[]; behind: SQL | null; made: ReadonlyMap<string, Buffer> }> {
  const all = touched.flatMap(({ resource, values }) => (values ?? []).map((value) => ({ resource, ...value })))
  if (all.length === 0) return { changes: [], behind: null, made: new Map() }
  const { known, tenantId } = setting
  const keys = setting.keys()
  const isNew = ({ resource, id, before }: (typeof all)[number]): boolean =>
    resource === 'contacts' && before === null && !known.has(id)
  const made = new Map(all.filter(isNew).map(({ id }) => [id, keys.newContactKey(id)]))
  for (const [id, wrapped] of made) known.set(id, wrapped)
  await findKeys(
    [...new Set(all.map((one) => one.subjectId))].filter((id) => !known.get(id)),
    setting,
  )
  const opened = new Map<string, ReturnType<TenantKeys['contact']>>()
  const changes = all.flatMap(({ subjectId, resource, id, before, after }) => {
    const wrapped = known.get(subjectId)
    if (!wrapped) return []
    const key = opened.get(subjectId) ?? keys.contact(subjectId, wrapped)
    opened.set(subjectId, key)
    return [{ subjectId, key, text: JSON.stringify({ resource, id, before, after }) }]
  })
  return {
    changes: changes.map(({ subjectId, key, text }, i) => ({
      subjectId,
      sealed: key.seal(text, changeContext(eventId, i)),
    })),
    behind: made.size > 0 ? insertKeys(tenantId, [...made.keys()], made) : null,
    made,
  }
}

/** Reads the keys of contacts, and makes those that there are not yet. Somebody who was erased gets none. */
async function findKeys(
  ids: readonly string[],
  { tenantId, keys, known, query }: Parameters<typeof sealChanges>[2],
): Promise<void> {
  const read = async (wanted: readonly string[]): Promise<void> => {
    const rows = await query<{ contact_id: string; wrapped_key: Buffer }>(
      sql`SELECT contact_id, wrapped_key FROM app.contact_key WHERE tenant_id = ${tenantId}::uuid AND contact_id = ANY (${array(wanted, 'uuid')})`,
    )
    for (const row of rows) known.set(row.contact_id, row.wrapped_key)
  }
  const unread = ids.filter((id) => !known.has(id))
  if (unread.length > 0) await read(unread)
  const missing = ids.filter((id) => !known.get(id))
  if (missing.length === 0) return
  const fresh: ContactKeys = new Map(missing.map((id) => [id, keys().newContactKey(id)]))
  // Two at once: whoever comes second keeps the first one's key. Both are sent at once.
  await Promise.all([query(insertKeys(tenantId, missing, fresh)), read(missing)])
}

function insertKeys(tenantId: string, ids: readonly string[], keys: ReadonlyMap<string, Buffer | null>): SQL {
  const rows = ids.map((id) => ({ id, key: keys.get(id)?.toString('base64') ?? '' }))
  return sql`INSERT INTO app.contact_key (tenant_id, contact_id, wrapped_key)
    SELECT ${tenantId}::uuid, w.id, decode(w.key, 'base64') FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS w(id uuid, key text)
     WHERE EXISTS (SELECT FROM app.contact AS c WHERE c.tenant_id = ${tenantId}::uuid AND c.id = w.id AND c.state <> 'erased')
    ON CONFLICT DO NOTHING`
}
