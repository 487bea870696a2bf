import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { originOf } from '../../audit/checkpoint-note.ts'
import { formatVkey } from '../../audit/note.ts'
import { named, sql } from '../../db/sql.ts'
import { utc } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { exportRoute } from './export.ts'
import { consistencyOf, eventProofOf, notSealed } from './proofs.ts'
import {
  checkpoint,
  checkpointPage,
  checkpointParameters,
  consistency,
  consistencyParameters,
  eventProof,
  keyPage,
} from './schema.ts'
import { checkpointPart, checkpointRow, keyRow, keysPart, newestPart, nothingTouched } from './tree-parts.ts'

const access = { action: 'read', resource: 'audit-events' } as const

/** What outsiders need to check the audit: signed roots, proofs, the keys, and the program that checks them. */
export function auditRoutes(app: FastifyInstance, deps: Deps): void {
  checkpointRoutes(app, deps)
  proofRoutes(app, deps)
  exportRoute(app, deps)
  verifierRoute(app)
}

function checkpointRoutes(app: FastifyInstance, { db, cursors }: Deps): void {
  app.get('/v1/audit/checkpoints', {
    config: { access },
    schema: operation('audit.checkpoints', 'List checkpoints', {
      querystring: checkpointParameters,
      response: { 200: checkpointPage },
      errors: ['invalid_cursor'],
      description:
        'The newest first. A checkpoint is a signed root over all audit events that were sealed before; keep one where nobody who runs the service can reach it, and nothing before it can be changed unseen.',
    }),
    handler: async (request) => {
      const caller = callerOf(request)
      const { limit, cursor } = checkpointParameters.parse(request.query)
      const found = await db.read(caller, access, (principal) => {
        const before = cursor === undefined ? null : cursors.read(cursor, principal, 'checkpoints').id
        return {
          key: `audit/checkpoints/${before === null ? 'first' : 'before'}`,
          values: { before, fetch: limit + 1 },
          parts: () => [
            nothingTouched,
            checkpointPart(
              'checkpoints',
              before === null ? sql`true` : sql`c.size < ${named('before')}::bigint`,
              named('fetch'),
            ),
          ],
        }
      })
      const rows = (found.checkpoints ?? []).map(checkpointOf)
      const page = rows.slice(0, limit)
      const last = rows.length > limit ? page.at(-1) : undefined
      const nextCursor = last
        ? cursors.write({ key: null, id: String(last.size) }, caller.principal, 'checkpoints')
        : null
      return { data: page, nextCursor }
    },
  })

  app.get('/v1/audit/checkpoints/latest', {
    config: { access },
    schema: operation('audit.latestCheckpoint', 'Fetch the newest checkpoint', {
      response: { 200: checkpoint },
      errors: ['not_sealed'],
      description: 'While there is traffic, one is made every few seconds.',
    }),
    handler: async (request) => {
      const found = await db.read(callerOf(request), access, () => ({
        key: 'audit/checkpoints/newest',
        values: {},
        parts: () => [nothingTouched, newestPart],
      }))
      const [newest] = found.checkpoint ?? []
      if (!newest) throw notSealed()
      return checkpointOf(newest)
    },
  })

  app.get('/v1/audit/keys', {
    config: { access },
    schema: operation('audit.keys', 'List the keys that sign checkpoints', {
      querystring: z.strictObject({}),
      response: { 200: keyPage },
      description:
        'Public keys, the first one first. Learn the first one once, by a way that you trust; the others are endorsed by the one before them.',
    }),
    handler: async (request) => {
      const caller = callerOf(request)
      const found = await db.read(caller, access, () => ({
        key: 'audit/keys',
        values: {},
        parts: () => [nothingTouched, keysPart],
      }))
      const data = (found.keys ?? []).map((row) => {
        const { generation, publicKey, endorsement, madeAt } = keyRow.parse(row)
        const vkey = formatVkey(originOf(caller.principal.tenantId), publicKey)
        return { generation, vkey, endorsement, madeAt: utc(madeAt) }
      })
      return { data, nextCursor: null }
    },
  })
}

function proofRoutes(app: FastifyInstance, { db }: Deps): void {
  app.get('/v1/audit/consistency', {
    config: { access },
    schema: operation('audit.consistency', 'Prove that one checkpoint continues another', {
      querystring: consistencyParameters,
      response: { 200: consistency },
      errors: ['not_found'],
      description:
        'That the log of a later checkpoint begins with the whole log of an earlier one (RFC 6962 section 2.1.2): nothing was changed, taken out or put in between. Check it with `node verifier.mjs consistency`.',
    }),
    handler: async (request) => consistencyOf(db, callerOf(request), consistencyParameters.parse(request.query)),
  })

  app.get('/v1/audit-events/:id/proof', {
    config: { access },
    schema: operation('audit-events.proof', 'Prove an audit event', {
      params: idParams,
      response: { 200: eventProof },
      errors: ['not_sealed'],
      description:
        'That the event is in the log, as it was sealed, under the newest checkpoint (RFC 6962 section 2.1.1). Check it with `node verifier.mjs event`. An event is sealed a few seconds after it happened.',
    }),
    handler: async (request) => eventProofOf(db, callerOf(request), idParams.parse(request.params).id),
  })
}

function verifierRoute(app: FastifyInstance): void {
  const source = readFileSync(new URL('../../audit/verifier.mjs', import.meta.url))
  app.get('/v1/audit/verifier.mjs', {
    config: { public: true },
    schema: operation('audit.verifier', 'Download the offline verifier', {
      response: { 200: z.string().meta({ description: 'The program.', example: '#!/usr/bin/env node' }) },
      produces: ['text/javascript'],
      description:
        'One file without dependencies, for Node 18 or later, that checks proofs, exports and checkpoints with nothing but a public key. It begins with how to use it.',
    }),
    handler: async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(source),
  })
}

function checkpointOf(row: Readonly<Record<string, unknown>>): z.infer<typeof checkpoint> {
  const { size, note, generation, madeAt } = checkpointRow.parse(row)
  // The root stands in the note's third line: one place says it.
  const rootHash = note.split('\n')[2] ?? ''
  return { size, rootHash, keyGeneration: generation, madeAt: utc(madeAt), note }
}
