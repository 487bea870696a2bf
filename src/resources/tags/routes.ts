import type { FastifyInstance } from 'fastify'
import { Problem } from '../../errors.ts'
import { collection } from '../../http/collection.ts'
import type { Deps } from '../../http/records.ts'
import { renameTag } from './queries.ts'
import { tags } from './schema.ts'

export function tagRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: tags,
    searchable: true,
    change: async ({ tx, before, after }) => {
      const [old, name] = [before?.clear.name, after.name]
      if (typeof old !== 'string' || typeof name !== 'string' || old === name) return {}
      // The name is the tenant's: whoever sees only some units would leave the old one behind in the others.
      if (tx.principal.units !== '*')
        throw new Problem('forbidden', { detail: 'A tag is renamed by those who see every business unit.' })
      await renameTag(tx, old, name)
      return {}
    },
  })
}
