import type { FastifyInstance } from 'fastify'
import { addChildren } from '../../db/children.ts'
import type { JsonRow } from '../../db/database.ts'
import { missed } from '../../db/tombstone.ts'
import { present, utc, viewOf } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { timelinePlan } from './queries.ts'
import { type TimelineKind, timelineKindNames, timelineKinds, timelinePage, timelineParameters } from './schema.ts'

/** Everything that happened with a contact, newest first, across channels. */
export function timelineRoutes(app: FastifyInstance, { db, cursors }: Deps): void {
  app.get('/v1/contacts/:id/timeline', {
    config: { access: { action: 'read', resource: 'contacts' } },
    schema: operation('contacts.timeline', 'What happened with a contact', {
      params: idParams,
      querystring: timelineParameters,
      response: { 200: timelinePage },
      errors: ['invalid_cursor', 'erased', 'gone'],
      description:
        'Messages, notes, opened conversations, addresses and wishes about being contacted of a contact, newest first, across channels. Each record is shown as its own noun would show it to you; nouns that you may not read are left out.',
    }),
    handler: async (request) => {
      const caller = callerOf(request)
      const { id } = idParams.parse(request.params)
      const { limit, cursor, kind } = timelineParameters.parse(request.query)
      const kinds = timelineKindNames.filter((name) => kind === undefined || kind.split(',').includes(name))
      const asked = JSON.stringify(['timeline', id, kinds])
      const result = await db.read(caller, { action: 'read', resource: 'contacts' }, (principal) => {
        const position = cursor === undefined ? null : cursors.read(cursor, principal, asked)
        const after = position && { at: String(position.key), id: position.id }
        return timelinePlan(principal, { contactId: id, kinds, limit, after })
      })
      if (!result.parent?.length) throw missed(result)
      const rows = result.rows ?? []
      const shown = rows.slice(0, limit)
      const last = rows.length > limit ? shown.at(-1) : undefined
      const byKind = new Map(
        kinds.map((name) => {
          const { resource } = timelineKinds[name]
          const view = viewOf(caller.principal, resource)
          const records = (result[name] ?? []).map((row) => present(resource, view, row))
          addChildren(caller.principal, resource, name, records, result)
          return [name, new Map(records.map((record) => [record.id, record]))] as const
        }),
      )
      return {
        data: shown.flatMap((row) => entryOf(row, byKind)),
        nextCursor: last ? cursors.write({ key: last.at, id: String(last.id) }, caller.principal, asked) : null,
      }
    },
  })
}

function entryOf(row: JsonRow, byKind: ReadonlyMap<TimelineKind, ReadonlyMap<unknown, JsonRow>>): JsonRow[] {
  const kind = timelineKindNames.find((name) => name === row.kind)
  const record = kind && byKind.get(kind)?.get(row.id)
  return record ? [{ kind, id: row.id, occurredAt: utc(String(row.at)), record }] : []
}
