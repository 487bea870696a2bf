import type { Principal } from '../access/principal.ts'
import { type SQL, sql } from './sql.ts'

/**
 * Clear values per principal and day where nothing else is said; enough for a day's work, too few to copy the book. A
 * value is used by revealing it, and by asking whether a masked one is exactly this: whoever may ask for ever finds it
 * out by trying.
 */
export const clearValuesPerDay = 200

/** Masked values that one request may ask for by exact match. */
export const maskedMatchesMax = 20

const quota = sql`${sql.placeholder('quota')}::int`

/**
 * Counts clear values against the quota of whoever asks (of the member, where another acts for it).
 * @param count how many, as SQL
 * @param standing what must have a row for it to be counted at all
 * @returns a statement that yields a row where the quota allows them, and changes nothing where it does not
 */
export const clearQuota = (count: SQL, standing: SQL): SQL =>
  sql`INSERT INTO app.reveal_use AS u (tenant_id, principal_id, day, used)
    SELECT ${sql.placeholder('eventTenant')}::uuid, ${sql.placeholder('quotaOf')}::uuid, current_date, ${count} FROM ${standing}
      WHERE ${count} <= ${quota}
    ON CONFLICT (tenant_id, principal_id, day) DO UPDATE SET used = u.used + EXCLUDED.used
      WHERE u.used + EXCLUDED.used <= ${quota} RETURNING used`

/** The values of `clearQuota`'s placeholders. */
export const clearQuotaValues = (principal: Principal): Record<string, unknown> => ({
  eventTenant: principal.tenantId,
  quotaOf: quotaHolder(principal),
  quota: principal.revealQuota,
})

/** Against whose quota a principal's clear values count. */
export const quotaHolder = (principal: Principal): string => principal.onBehalfOf ?? principal.id ?? principal.tenantId
