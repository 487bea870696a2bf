import type { FastifyInstance } from 'fastify'
import type { ReadPlan, Tx } from '../../db/database.ts'
import { array, type SQL, sql } from '../../db/sql.ts'
import { tenant } from '../../db/tables/tenancy.ts'
import { utc } from '../../db/view.ts'
import { Problem } from '../../errors.ts'
import { checkIfMatch, sendRecord } from '../../http/etag.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { settingsShapes } from './schema.ts'

/** In the audit they are fields of the tenant. */
const resource = 'tenants'
const columns: SQL = sql`${tenant.purposeRequiredFor} AS "purposeRequiredFor", ${tenant.version} AS version, ${tenant.updatedAt} AS "updatedAt"`

/** So far they are about the audit, and so are the rights: whoever reads it sees them, whoever administers it sets them. */
export function settingsRoutes(app: FastifyInstance, { db }: Deps): void {
  const { body, answer } = settingsShapes([...db.models.keys()])

  app.get('/v1/settings', {
    config: { access: { action: 'read', resource: 'audit-events' } },
    schema: operation('settings.fetch', 'Fetch the settings', {
      response: { 200: answer },
      etag: true,
      description: 'What holds for the whole tenant.',
    }),
    handler: async (request, reply) => {
      const found = await db.read(callerOf(request), { action: 'read', resource }, ({ tenantId }) => plan(tenantId))
      return sendRecord(request, reply, settingsOf(found.rows?.[0]))
    },
  })

  app.patch('/v1/settings', {
    config: { access: { action: 'administer', resource: 'audit-events' } },
    schema: operation('settings.change', 'Change the settings', {
      body,
      response: { 200: answer },
      ifMatch: 'optional',
      etag: true,
      description: 'A JSON merge patch; it holds from the next request on.',
    }),
    handler: async (request, reply) => {
      const { purposeRequiredFor } = body.parse(request.body)
      const settings = await db.change(callerOf(request), { action: 'administer', resource }, async (tx) => {
        const before = await locked(tx)
        checkIfMatch(request.headers['if-match'], before, false)
        return purposeRequiredFor === undefined ? unchanged(tx, before) : changed(tx, purposeRequiredFor ?? [])
      })
      return sendRecord(request, reply, settings)
    },
  })
}

function plan(tenantId: string): ReadPlan {
  return {
    key: 'settings',
    wanted: tenantId,
    values: {},
    parts: () => [
      {
        name: 'rows',
        resource,
        columns: sql`${tenant.tenantId} AS id, ${columns}, NULL::uuid AS "_subject"`,
        from: sql`${tenant}`,
        tenant: tenant.tenantId,
        where: sql`true`,
        shown: ['purposeRequiredFor', 'updatedAt', 'version'],
        masked: [],
        byRow: false,
      },
    ],
  }
}

async function locked(tx: Tx): Promise<Settings> {
  const [row] = await tx.query<Row>(
    sql`SELECT ${columns} FROM ${tenant} WHERE ${tenant.tenantId} = ${tx.principal.tenantId}::uuid FOR NO KEY UPDATE`,
  )
  return settingsOf(row)
}

function unchanged(tx: Tx, before: Settings): Settings {
  tx.touch({ resource, ids: [tx.principal.tenantId], changed: [] })
  return before
}

/** Abilities are built with them: those that are known are void. */
async function changed(tx: Tx, purposeRequiredFor: readonly string[]): Promise<Settings> {
  const { tenantId } = tx.principal
  const [row] = await tx.query<Row>(
    sql`UPDATE ${tenant} SET purpose_required_for = ${array(purposeRequiredFor, 'text')}, policy_version = policy_version + 1,
      version = version + 1, updated_at = now() WHERE ${tenant.tenantId} = ${tenantId}::uuid RETURNING ${columns}`,
  )
  const after = settingsOf(row)
  tx.touch({ resource, ids: [tenantId], changed: ['purposeRequiredFor'], version: after.version })
  return after
}

interface Settings {
  purposeRequiredFor: readonly string[]
  version: number
  updatedAt: string
}
type Row = Readonly<Record<string, unknown>>

function settingsOf(row: Row | undefined): Settings {
  if (!row) throw new Problem('not_found', { audited: true })
  const { purposeRequiredFor, version, updatedAt } = row
  return {
    purposeRequiredFor: Array.isArray(purposeRequiredFor) ? purposeRequiredFor.map(String) : [],
    version: Number(version),
    updatedAt: utc(String(updatedAt)),
  }
}
