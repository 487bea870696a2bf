import type { Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'

/**
 * Has the rules of a business unit asked about a wish that no inbound event brought, where one of them wants to know.
 * By a job: rules run as the service and may see and do what whoever made the wish known may not.
 */
export async function askRules(tx: Tx, consentEventId: string, unitId: string): Promise<void> {
  const { tenantId, region } = tx.principal
  const [rule] = await tx.query(
    sql`SELECT 1 AS one FROM app.routing_rule WHERE tenant_id = ${tenantId}::uuid AND business_unit_id = ${unitId}::uuid
      AND event = 'consent_changed' AND enabled AND state = 'active' LIMIT 1`,
  )
  if (!rule) return
  const payload = { tenantId, region, consentEventId }
  await tx.enqueue('consent-changed', `consent-changed/${tenantId}/${consentEventId}`, payload)
}
