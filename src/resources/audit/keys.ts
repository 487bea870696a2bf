import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { originOf } from '../../audit/checkpoint-note.ts'
import { formatVkey } from '../../audit/note.ts'
import { rotateKey } from '../../audit/signing-keys.ts'
import type { JsonRow } from '../../db/database.ts'
import { utc } from '../../db/view.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { signingKey } from './schema.ts'
import { keyRow, keysPart, nothingTouched } from './tree-parts.ts'

const access = { action: 'administer', resource: 'audit-events' } as const

/** How a key is known for a repeated request: keys are numbered, and what is kept of a request is a UUID (RFC 9562, its own form). */
const idOf = (generation: number): string => `00000000-0000-8000-8000-${String(generation).padStart(12, '0')}`

/** Going over to another signing key. */
export function auditKeyRoutes(app: FastifyInstance, { db }: Deps): void {
  app.post('/v1/audit/keys', {
    config: { access },
    schema: operation('audit.rotateKey', 'Sign with a new key from now on', {
      body: z.strictObject({}).nullish(),
      response: { 201: signingKey },
      description:
        'Makes a new key, has the old one sign it, and destroys the old one: nobody can sign with it any more. All checkpoints so far stay good.',
      idempotent: true,
      location: true,
    }),
    handler: async (request, reply) => {
      const caller = callerOf(request)
      const { tenantId } = caller.principal
      const made = await changeOnce(
        db,
        caller,
        request,
        reply,
        access,
        async (tx) => {
          const { generation, publicKey, endorsement, madeAt } = await rotateKey(tx)
          const vkey = formatVkey(originOf(tenantId), publicKey)
          return { id: idOf(generation), record: { generation, vkey, endorsement, madeAt: utc(madeAt) } }
        },
        async (id): Promise<JsonRow> => {
          const found = await db.read(caller, { ...access, action: 'read' }, () => ({
            key: 'audit/keys',
            values: {},
            parts: () => [nothingTouched, keysPart],
          }))
          const keys = (found.keys ?? []).map((row) => keyRow.parse(row))
          const key = keys.find(({ generation }) => idOf(generation) === id)
          if (!key) throw new Error('the key of a repeated request is gone')
          const { generation, publicKey, endorsement, madeAt } = key
          return { generation, vkey: formatVkey(originOf(tenantId), publicKey), endorsement, madeAt: utc(madeAt) }
        },
      )
      return reply.code(201).header('location', '/v1/audit/keys').send(made.record)
    },
  })
}
