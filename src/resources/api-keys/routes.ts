import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { array, sql } from '../../db/sql.ts'
import { collection } from '../../http/collection.ts'
import type { Deps } from '../../http/records.ts'
import { newSecret } from '../../http/tokens.ts'
import { checkReferences } from '../members/queries.ts'
import { checkQuota } from '../members/reveal-quota.ts'
import { checkGiven, checkLetIn, checkTeamsGiven, checkUnitsGiven, unitsGiven } from '../roles/giving.ts'
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
      checkQuota(tx.principal, apiKeys, body, after)
      checkUnitsGiven(tx.principal, body.businessUnitIds)
      checkTeamsGiven(tx.principal, body.teamIds)
      await checkGiven(tx, body.roleIds)
      const { token, hash } = newSecret('cak', tx.principal.tenantId, id)
      shown.set(after, token)
      return {
        prefix: token.slice(0, 12),
        secret_hash: hash,
        created_by: tx.principal.onBehalfOf ?? (tx.principal.kind === 'member' ? tx.principal.id : null),
        business_unit_ids: array(unitsGiven(tx.principal, body.businessUnitIds), 'uuid'),
      }
    },
    createdExtra: ({ after }) => ({ key: shown.get(after) }),
    change: async ({ tx, body, before, after }) => {
      await checkReferences(tx, body)
      checkQuota(tx.principal, apiKeys, body, before?.clear ?? after)
      checkUnitsGiven(tx.principal, body.businessUnitIds, before?.clear.businessUnitIds)
      // A key that works again, or longer, gets its roles anew.
      const isBack = (after.status === 'active' && before?.clear.status !== 'active') || 'expiresAt' in body
      checkTeamsGiven(tx.principal, after.teamIds, isBack ? [] : before?.clear.teamIds)
      if (isBack) await checkLetIn(tx, after)
      else await checkGiven(tx, after.roleIds, before?.clear.roleIds)
      return { access_version: sql`access_version + 1` }
    },
    trash: () => ({ access_version: sql`access_version + 1` }),
    restore: async ({ tx, before }) => {
      checkTeamsGiven(tx.principal, before?.clear.teamIds)
      await checkLetIn(tx, before?.clear ?? {})
      return {}
    },
  })
}
