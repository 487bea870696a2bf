import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { sql } from '../../db/sql.ts'
import { collection } from '../../http/collection.ts'
import type { Deps } from '../../http/records.ts'
import { newSecret } from '../../http/tokens.ts'
import { checkReferences } from '../members/queries.ts'
import { apiKeys } from './schema.ts'

export function apiKeyRoutes(app: FastifyInstance, deps: Deps): void {
  const shown = new WeakMap<object, string>()
  collection(app, deps, {
    resource: apiKeys,
    searchable: true,
    createdAnswer: apiKeys.answer
      .extend({
        key: z.string().optional().meta({ description: 'The key itself, shown this once.', example: 'cak_…' }),
      })
      .meta({ id: 'ApiKeyCreated', description: 'A new API key, with the key itself.' }),
    create: async ({ tx, id, body, after }) => {
      await checkReferences(tx, body)
      const { token, hash } = newSecret('cak', tx.principal.tenantId, id)
      shown.set(after, token)
      const units = Array.isArray(body.businessUnitIds)
        ? {}
        : { business_unit_ids: sql`ARRAY[${tx.principal.defaultUnit}::uuid]` }
      return {
        prefix: token.slice(0, 12),
        secret_hash: hash,
        created_by: tx.principal.onBehalfOf ?? (tx.principal.kind === 'member' ? tx.principal.id : null),
        ...units,
      }
    },
    createdExtra: ({ after }) => ({ key: shown.get(after) }),
    change: async ({ tx, body }) => {
      await checkReferences(tx, body)
      return { access_version: sql`access_version + 1` }
    },
    trash: () => ({ access_version: sql`access_version + 1` }),
  })
}
