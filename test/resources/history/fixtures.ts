import type { Row, TestService } from '../../harness/service.ts'

export interface Change {
  field: string
  before?: unknown
  after?: unknown
  masked?: true
}

export interface Entry {
  eventId: string
  occurredAt: string
  actor: { kind: string; id?: string; onBehalfOf?: string }
  action: string
  resource: string
  recordId: string
  changes: Change[]
  purpose?: string
  causeId?: string
}

/** All pages of a contact's history, newest first. */
export async function historyOf(service: TestService, id: string, token?: string, limit = 7): Promise<Entry[]> {
  const all: Entry[] = []
  for (let cursor: string | null = null; ; ) {
    const path: string = `/v1/contacts/${id}/history?limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`
    const page = await service.request('GET', path, token === undefined ? {} : { token })
    if (page.status !== 200) throw new Error(page.text)
    all.push(...(page.data as unknown as Entry[]))
    if (page.data.length > limit) throw new Error('a page is longer than its limit')
    if (page.body.nextCursor === null) return all
    cursor = page.string('nextCursor')
  }
}

const stamps = new Set(['id', 'version', 'createdAt', 'updatedAt', 'maskedFields'])

/** A record's fields one by one, those of its tenant by their full names. */
export function fieldsOf(record: Row | Record<string, unknown>): Map<string, unknown> {
  return new Map(
    Object.entries(record).flatMap(([name, value]) => {
      if (stamps.has(name)) return []
      if (name !== 'customFields') return [[name, value] as const]
      return Object.entries(value as Record<string, unknown>).map(([key, own]) => [`${name}.${key}`, own] as const)
    }),
  )
}

/** The names of the fields in which two states of a record differ. */
export function differing(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)]
  return [...new Set([...old.keys(), ...now.keys()])].filter((name) => !same(old.get(name), now.get(name)))
}

export const same = (one: unknown, other: unknown): boolean => canonical(one ?? null) === canonical(other ?? null)

/** JSON without regard to the order of members. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
