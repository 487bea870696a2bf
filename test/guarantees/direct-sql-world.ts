import pg from 'pg'
import { appClient } from '../harness/app-login.ts'
import { startTestService, type TestService } from '../harness/service.ts'
import { type FilledTable, fillTables } from './filled-tables.ts'

/** Two tenants of two business units each, with rows in every table, and the application's login by hand. */
export async function directSql(t: { teardown(end: () => Promise<void>): unknown }) {
  const service = await startTestService(t)
  const other = await service.tenant()
  const places = []
  for (const [i, { tenantId, token }] of [
    { tenantId: service.tenantId, token: service.ownerToken },
    { tenantId: other.tenantId, token: other.ownerToken },
  ].entries())
    for (const name of ['North', 'South']) {
      const unitId = (await service.request('POST', '/v1/business-units', { token, body: { name } })).id
      places.push({ tenantId, unitId, mark: `quokka-${i}-${name}` })
    }
  const [north, south, theirNorth, theirSouth] = places
  if (!north || !south || !theirNorth || !theirSouth) throw new Error('no places')
  const tables = await fillTables(service, places)
  const app = await appClient(t, service)
  const told: string[] = []
  app.on('notice', (notice) => told.push(JSON.stringify([notice.message, notice.detail])))
  const set = async (tenant: string, units = '', all = ''): Promise<void> => {
    await app.query(
      `RESET ALL; SET app.tenant = ${pg.escapeLiteral(tenant)}; SET app.units = ${pg.escapeLiteral(units)}; SET app.all_units = ${pg.escapeLiteral(all)}`,
    )
  }
  return { service, north, south, theirs: theirNorth, theirSouth, tables, app, told, set }
}

/** How many rows a statement meets; an error's code where it is refused. */
export async function met(app: pg.Client, text: string): Promise<number | string> {
  try {
    const { rowCount } = await app.query(text)
    return rowCount ?? 0
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error.code ?? ''
    throw error
  }
}

/** How many rows there are. */
export const countOf = async (
  { sql }: TestService,
  { name, hasUnit }: FilledTable,
  tenantId: string,
  unitId: string | null,
): Promise<number> => {
  const inUnit = hasUnit && unitId ? `AND business_unit_id = '${unitId}'` : ''
  const [found] = await sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${name} WHERE tenant_id = $1 ${inUnit}`, [
    tenantId,
  ])
  return found?.n ?? 0
}
