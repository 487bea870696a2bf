import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ShapePart } from '../../audit/touched.ts'
import { utc } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import { hashOf } from '../../http/query.ts'
import type { Deps } from '../../http/records.ts'
import { affectedPlan } from './affected-plan.ts'
import { auditEvents } from './schema.ts'

const uuid = '0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11'
const time = (description: string) =>
  z.iso.datetime({ offset: true }).meta({ description, example: '2026-11-01T00:00:00Z' })

const parameters = z.strictObject({
  actorId: z
    .uuid()
    .toLowerCase()
    .meta({ description: 'The member or API key whose accesses are in question.', example: uuid }),
  from: time('Not before.'),
  to: time('Before.'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(500)
    .default(100)
    .meta({ description: 'How many contacts a page has.', example: 100 }),
  cursor: z.string().max(1000).optional().meta({ description: 'Where the page before ended.' }),
})

const names = (description: string) =>
  z
    .record(z.string(), z.array(z.string()))
    .meta({ description, example: { contacts: ['displayName', 'phone'], messages: ['content'] } })

const affected = z
  .object({
    contactId: z.uuid().meta({ description: 'The contact.', example: uuid }),
    country: z.string().nullable().meta({ description: 'Its country, as far as you may know it.', example: 'DE' }),
    businessUnitId: z
      .uuid()
      .nullable()
      .meta({ description: 'Its business unit, as far as you may know it.', example: uuid }),
    shown: names('The fields that were shown in clear, by resource.'),
    masked: names('The fields that were shown masked only, by resource.'),
    times: z.int().meta({ description: 'In how many requests.', example: 3 }),
    firstAt: time('The first time in the window.'),
    lastAt: time('The last time in the window.'),
  })
  .meta({ id: 'AffectedContact', description: 'What somebody saw of a contact.' })

const answer = z
  .object({
    summary: z
      .object({
        contacts: z.int().meta({ description: 'How many contacts.', example: 41 }),
        times: z.int().meta({ description: 'How many sights of a contact, in all.', example: 92 }),
        countries: z.record(z.string(), z.int()).meta({
          description: 'How many contacts by country; `unknown` where none is known to you.',
          example: { DE: 40, unknown: 1 },
        }),
      })
      .meta({ id: 'AffectedSummary', description: 'The sums over all pages.' }),
    data: z.array(affected).meta({ description: 'The contacts, by id.' }),
    nextCursor: z.string().nullable().meta({ description: 'Gives the next page; null on the last one.' }),
  })
  .meta({ id: 'AffectedContacts', description: 'Which contacts somebody saw in a window of time.' })

const parts = z.array(
  z.array(z.object({ resource: z.string(), shown: z.array(z.string()), masked: z.array(z.string()) })),
)

/** For a breach notice (GDPR art. 33 and 34): whose data an account saw, and which. */
export function affectedContactRoutes(app: FastifyInstance, { db, cursors }: Deps): void {
  app.get('/v1/audit/affected-contacts', {
    config: { access: { action: 'read', resource: 'audit-events' } },
    schema: operation('audit-events.affected', 'List the contacts that somebody saw', {
      querystring: parameters,
      response: { 200: answer },
      errors: ['invalid_cursor', 'forbidden'],
      description:
        'Every contact of which a member or API key was shown anything in a window of time, also through keys that acted for the member, with the fields: what a breach notice (GDPR art. 33, 34) has to name. A field is named when it was shown of at least one record of the same request.',
    }),
    handler: async (request) => {
      const caller = callerOf(request)
      const { limit, cursor, ...window } = parameters.parse(request.query)
      const asked = JSON.stringify(['affected', window])
      const result = await db.read(caller, { action: 'read', resource: 'audit-events' }, (principal) => {
        const hash = hashOf(db.keys(principal.tenantId).now(), principal, auditEvents)
        const afterId = cursor === undefined ? null : cursors.read(cursor, principal, asked).id
        const query = Object.fromEntries(Object.entries(window).map(([name, value]) => [name, hash(name, value)]))
        return { ...affectedPlan(principal, { ...window, limit, afterId }), query: { affected: query } }
      })
      const rows = result.rows ?? []
      const page = rows.slice(0, limit)
      const last = rows.length > limit ? page.at(-1) : undefined
      return {
        summary: result.sums?.[0],
        data: page.map((row) => ({
          contactId: row.id,
          country: row.country,
          businessUnitId: row.unit,
          ...fieldsOf(parts.parse(row.shapes).flat()),
          times: row.times,
          firstAt: utc(String(row.first)),
          lastAt: utc(String(row.last)),
        })),
        nextCursor: last ? cursors.write({ key: null, id: String(last.id) }, caller.principal, asked) : null,
      }
    },
  })
}

/** The names in all shapes, once each; what was seen in clear once is not named as masked. */
function fieldsOf(shapes: readonly ShapePart[]): Record<'shown' | 'masked', Record<string, string[]>> {
  const shown: Record<string, string[]> = {}
  const masked: Record<string, string[]> = {}
  for (const [resource, same] of Map.groupBy(shapes, (part) => part.resource)) {
    const clear = new Set(same.flatMap((part) => part.shown))
    const veiled = new Set(same.flatMap((part) => part.masked).filter((name) => !clear.has(name)))
    if (clear.size > 0) shown[resource] = [...clear].sort()
    if (veiled.size > 0) masked[resource] = [...veiled].sort()
  }
  return { shown, masked }
}
