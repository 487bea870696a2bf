import type { Tx } from '../../db/database.ts'
import { named, sql } from '../../db/sql.ts'

/**
 * Notes that a channel's provider is heard from. Whoever comes second does not wait: it would say the same.
 * @returns whether the channel was changed
 */
export async function channelSeen(tx: Tx, channelId: string): Promise<boolean> {
  const statement = tx.kept(
    'channel/seen',
    () => sql`UPDATE app.channel c SET last_event_at = now() WHERE c.tenant_id = ${named('tenant')}::uuid
        AND c.id = (SELECT l.id FROM app.channel l WHERE l.tenant_id = ${named('tenant')}::uuid AND l.id = ${named('channel')}::uuid FOR NO KEY UPDATE SKIP LOCKED) RETURNING c.id`,
  )
  return (await tx.query(statement, { tenant: tx.principal.tenantId, channel: channelId })).length > 0
}

/**
 * Notes that a message went out, which also ends the trouble with a token. To the second is close enough, and nobody
 * waits for the row.
 * @returns whether the channel was changed
 */
export async function channelSent(tx: Tx, channelId: string): Promise<boolean> {
  const statement = tx.kept(
    'channel/sent',
    () => sql`UPDATE app.channel c SET last_sent_at = clock_timestamp(), last_error = nullif(c.last_error, 'reauthorise'),
          last_error_at = CASE WHEN c.last_error = 'reauthorise' THEN NULL ELSE c.last_error_at END
      WHERE c.tenant_id = ${named('tenant')}::uuid AND c.id = (SELECT l.id FROM app.channel l WHERE l.tenant_id = ${named('tenant')}::uuid AND l.id = ${named('channel')}::uuid
        AND (l.last_sent_at IS NULL OR l.last_sent_at < clock_timestamp() - interval '1 second' OR l.last_error = 'reauthorise') FOR NO KEY UPDATE SKIP LOCKED) RETURNING c.id`,
  )
  return (await tx.query(statement, { tenant: tx.principal.tenantId, channel: channelId })).length > 0
}

/**
 * Notes trouble that the provider reported, as a code; older trouble than what is known says nothing new.
 * @returns whether the channel was changed
 */
export async function channelTrouble(
  tx: Tx,
  channelId: string,
  trouble: { code: string; at: string },
): Promise<boolean> {
  const rows =
    await tx.query(sql`UPDATE app.channel SET last_error = ${trouble.code}, last_error_at = ${trouble.at}::timestamptz
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${channelId}::uuid AND (last_error_at IS NULL OR last_error_at < ${trouble.at}::timestamptz) RETURNING id`)
  return rows.length > 0
}

/**
 * Notes that what is in a bucket could be fetched from there, which ends the trouble with that.
 * @returns whether the channel was changed
 */
export async function channelFetches(tx: Tx, channelId: string): Promise<boolean> {
  const rows = await tx.query(sql`UPDATE app.channel SET last_error = NULL, last_error_at = NULL
    WHERE tenant_id = ${tx.principal.tenantId}::uuid AND id = ${channelId}::uuid AND starts_with(last_error, 'bucket_') RETURNING id`)
  return rows.length > 0
}

const credentialTroubles: ReadonlySet<string> = new Set([
  'reauthorise',
  'unauthorised',
  'bucket_credentials_missing',
  'bucket_access_denied',
])

/** Whether a trouble lasts until somebody enters other credentials. */
export const isCredentialTrouble = (code: string | null): boolean => code !== null && credentialTroubles.has(code)
