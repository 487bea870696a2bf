import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { z } from 'zod'
import { openNote } from '../../../src/db/sealed-note.ts'
import type { TestService } from '../../harness/service.ts'
import type { Canary } from './people.ts'

/** Everything that there is, by where it stands: the rows of every table, the service's files. */
export type Dump = ReadonlyMap<string, string>

/** A dump of all tables of all schemas, the queue's among them, and of all files that the service keeps. */
export async function dumpAll(service: TestService): Promise<Dump> {
  const places = new Map<string, string>()
  const tables = await service.sql<{ name: string }>(
    `SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1`,
  )
  for (const { name } of tables) {
    const rows = await service.sql<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`)
    places.set(name, rows.map(({ row }) => row).join('\n'))
  }
  const folder = service.config.dataDir
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    places.set(path.slice(folder.length), readFileSync(path, 'latin1'))
  }
  return places
}

/** The forms in which a value might stand somewhere: as it is, folded, in hexadecimal, in base64 wherever it begins. */
function formsOf(value: string): { exact: string[]; lower: string[] } {
  const spellings = [value, value.toLowerCase(), value.toUpperCase()]
  const inBase64 = spellings.flatMap((one) =>
    [0, 1, 2].map((shift) => {
      const text = Buffer.from('\0'.repeat(shift) + one)
        .toString('base64')
        .replaceAll('=', '')
      // What comes before and behind it changes the outermost characters.
      return text.slice(Math.ceil((shift * 8) / 6) + (shift > 0 ? 1 : 0), -1)
    }),
  )
  return {
    exact: [...inBase64, ...inBase64.map((one) => one.replaceAll('+', '-').replaceAll('/', '_'))],
    lower: [value.toLowerCase(), ...spellings.map((one) => Buffer.from(one).toString('hex'))],
  }
}

const valuesOf = ({ word, phone, number }: Canary): string[] => [word, phone.slice(3), String(number)]

/** Where something of a person stands. */
export function placesOf(dump: Dump, person: Canary): string[] {
  const all = valuesOf(person).map(formsOf)
  return [...dump].flatMap(([place, text]) => {
    const small = text.toLowerCase()
    const isThere = all.some(
      ({ exact, lower }) => exact.some((form) => text.includes(form)) || lower.some((form) => small.includes(form)),
    )
    return isThere ? [place] : []
  })
}

/** Where the words of each person stand, as they are written: for many people at once. */
export function wordsOf(dump: Dump): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [place, text] of dump)
    for (const word of new Set(text.match(/Zq[A-Za-z2-9]{12}/g))) found.set(word, [...(found.get(word) ?? []), place])
  return found
}

const ids = z.object({ id: z.string(), contact_id: z.string().nullable() })

/** What opens of all that is encrypted, to whoever holds the master key: raw events, references to files, reasons. */
export async function openAll(service: TestService): Promise<Map<string, string>> {
  const keys = await service.db.tenantKeys({ tenantId: service.tenantId, region: 'default' })
  const wrapped = await service.sql<{ contact_id: string; wrapped_key: Buffer }>(
    'SELECT contact_id, wrapped_key FROM app.contact_key',
  )
  const contacts = new Map(wrapped.map((row) => [row.contact_id, keys.contact(row.contact_id, row.wrapped_key)]))
  const opened = new Map<string, string>()
  const attempt = (place: string, sealed: Buffer, context: string, contactId: string | null): void => {
    for (const key of [contactId === null ? undefined : contacts.get(contactId), keys]) {
      try {
        if (key) return void opened.set(place, key.open(sealed, context).toString('utf8'))
      } catch {}
    }
  }
  const sealedOf = async (
    name: string,
    column: string,
  ): Promise<{ id: string; contactId: string | null; sealed: Buffer }[]> =>
    (
      await service.sql<Record<string, unknown> & { sealed: Buffer }>(
        `SELECT id, contact_id, ${pg.escapeIdentifier(column)} AS sealed FROM ${name} WHERE ${column} IS NOT NULL`,
      )
    ).map((row) => {
      const { id, contact_id: contactId } = ids.parse(row)
      return { id, contactId, sealed: row.sealed }
    })
  for (const { id, contactId, sealed } of await sealedOf('app.inbound_event', 'sealed_payload'))
    attempt(`inbound_event ${id}`, sealed, `inbound/${id}`, contactId)
  for (const { id, contactId, sealed } of await sealedOf('app.attachment', 'sealed_source'))
    attempt(`attachment ${id}`, sealed, `attachment/${id}`, contactId)
  for (const { id, contactId, sealed } of await sealedOf('app.erasure', 'sealed_reason'))
    attempt(`erasure ${id}`, sealed, `erasure/${id}`, contactId)
  const notes = await service.sql<{ event_id: string; sealed_note: Buffer; subject_ids: string[] }>(
    'SELECT event_id, sealed_note, subject_ids::text[] AS subject_ids FROM audit.readable_event WHERE sealed_note IS NOT NULL',
  )
  const keyOf = new Map(wrapped.map((row) => [row.contact_id, row.wrapped_key]))
  for (const { event_id: id, sealed_note: sealed, subject_ids: subjects } of notes)
    for (const contactId of [null, ...subjects]) {
      const key = contactId === null ? undefined : keyOf.get(contactId)
      const note = openNote(keys, { id, sealed }, contactId && key ? { id: contactId, wrapped: key } : null)
      if (note) opened.set(`note ${id}`, JSON.stringify(note))
    }
  const changes = await service.sql<{ event_id: string; change_subjects: string[]; sealed_changes: Buffer[] }>(
    'SELECT event_id, change_subjects::text[] AS change_subjects, sealed_changes FROM audit.event WHERE sealed_changes IS NOT NULL',
  )
  for (const { event_id: id, change_subjects: subjects, sealed_changes: all } of changes)
    for (const [i, sealed] of all.entries())
      attempt(`change ${id}/${i}`, sealed, `change/${id}/${i}`, subjects[i] ?? null)
  return opened
}
