import type { FastifyInstance } from 'fastify'
import { sql } from '../../db/sql.ts'
import { collection } from '../../http/collection.ts'
import type { Deps } from '../../http/records.ts'
import { tags } from './schema.ts'

export function tagRoutes(app: FastifyInstance, deps: Deps): void {
  collection(app, deps, {
    resource: tags,
    searchable: true,
    // Whoever carries the tag carries its new name.
    change: async ({ tx, before, after }) => {
      const [old, name] = [before?.clear.name, after.name]
      if (old === name) return {}
      for (const table of [sql`app.contact`, sql`app.conversation`])
        await tx.query(
          sql`UPDATE ${table} SET tags = array_replace(tags, ${old}::text, ${name}::text) WHERE tenant_id = ${tx.principal.tenantId}::uuid AND tags @> ARRAY[${old}::text]`,
        )
      return {}
    },
  })
}
