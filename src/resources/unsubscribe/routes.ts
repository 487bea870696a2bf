import { randomUUIDv7 } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { touches } from '../../db/audit-event.ts'
import { recordChange } from '../../db/change-values.ts'
import type { Tx } from '../../db/database.ts'
import { sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { metaOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import type { ConsentSource } from '../../privacy/consent-events.ts'
import { consentEvents, consentFieldNames } from '../consent-events/schema.ts'
import { askRules } from '../routing-rules/consent-changed.ts'
import { type UnsubscribeLink, unsubscribeLinkOf } from './token.ts'

const params = z.object({
  token: z.string().min(1).max(200).meta({ description: 'What the link was made of.', example: 'AbCd' }),
})

const page = z
  .string()
  .meta({ description: 'A page for people, in plain words.', example: '<!doctype html>…', 'x-media-type': 'text/html' })

const body = z.unknown().meta({
  description: 'What a mail program posts: `List-Unsubscribe=One-Click` (RFC 8058). Nothing of it is needed.',
  example: 'List-Unsubscribe=One-Click',
})

const description =
  'The link of a marketing mail. Whoever has it says stop for the contact of that message, on its channel; saying it again changes nothing.'

/**
 * Stop by one click, without a login (RFC 8058). A GET asks first: programs that look through mails follow links, and
 * shall unsubscribe nobody.
 */
export function unsubscribeRoutes(app: FastifyInstance, { db }: Deps): void {
  app.register(async (scope) => {
    // Mail programs post forms, or nothing at all; what they say is the address itself.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: 10_000 }, (_request, text, done) =>
      done(null, text),
    )

    scope.get('/v1/unsubscribe/:token', {
      config: { public: true },
      schema: operation('unsubscribe.ask', 'Ask whether to stop', {
        params,
        response: { 200: page },
        produces: ['text/html'],
        description: `${description} The page has one button, which posts to the same address.`,
        errors: ['not_found'],
      }),
      handler: async (request, reply) => {
        known(request)
        return html(reply, 'Do you want no more of these messages?', '<form method="post"><button>Stop</button></form>')
      },
    })

    scope.post('/v1/unsubscribe/:token', {
      config: { public: true },
      bodyLimit: 10_000,
      schema: operation('unsubscribe.stop', 'Stop', {
        params,
        body,
        response: { 200: page },
        produces: ['text/html'],
        consumes: ['application/x-www-form-urlencoded', 'multipart/form-data'],
        description,
        errors: ['not_found'],
      }),
      handler: async (request, reply) => {
        const link = known(request)
        const caller = { principal: db.own('anonymous', link), meta: metaOf(request) }
        await db.change(caller, { action: 'create', resource: 'consent-events' }, (tx) => stop(tx, link))
        return html(reply, 'You will get no more of these messages.')
      },
    })
  })

  function known(request: FastifyRequest): UnsubscribeLink {
    const link = unsubscribeLinkOf(db.keyring, params.parse(request.params).token)
    if (!link) throw new Problem('not_found')
    return link
  }
}

const source: ConsentSource = 'link'

/** What is proved: the message's link was used. A link of somebody who is gone does nothing, and says the same. */
async function stop(tx: Tx, { tenantId, messageId }: UnsubscribeLink): Promise<void> {
  const [message] = await tx.query<{ unit: string; contactId: string; channelId: string; identityId: string | null }>(
    sql`SELECT m.business_unit_id AS unit, m.contact_id AS "contactId", m.channel_id AS "channelId", m.identity_id AS "identityId"
      FROM app.message m JOIN app.contact p ON p.tenant_id = m.tenant_id AND p.id = m.contact_id
      WHERE m.tenant_id = ${tenantId}::uuid AND m.id = ${messageId}::uuid AND p.state <> 'erased'`,
  )
  if (!message) {
    tx.touch({ resource: 'messages', ids: [messageId], changed: [] })
    return
  }
  const { unit, contactId, channelId, identityId } = message
  await tx.query(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`consent/${contactId}`}, 0))`)
  const [row] = await tx.query<{ id: string }>(
    sql`INSERT INTO app.consent_event (tenant_id, id, business_unit_id, channel_id, contact_id, category, state, source, evidence_message_id, identity_id, key_contact_id, occurred_at)
      SELECT ${tenantId}::uuid, ${randomUUIDv7()}::uuid, ${unit}::uuid, ${channelId}::uuid, ${contactId}::uuid, 'marketing', 'stop', ${source}, ${messageId}::uuid, ${identityId}::uuid, ${contactId}::uuid, now()
      WHERE 'stop' IS DISTINCT FROM (SELECT e.state FROM app.consent_event e WHERE e.tenant_id = ${tenantId}::uuid AND e.contact_id = ${contactId}::uuid AND e.category = 'marketing'
        AND (e.channel_id IS NULL OR e.channel_id = ${channelId}::uuid) ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1) RETURNING id`,
  )
  const subjectIds = [contactId]
  if (row) {
    const after = {
      category: 'marketing',
      state: 'stop',
      source,
      channelId,
      identityId,
      businessUnitId: unit,
      messageId,
    }
    const made = recordChange(consentEvents, { id: row.id, subjectId: contactId, before: null, after })
    const rows = [{ id: row.id, version: 1 }]
    for (const one of touches(consentEvents.name, rows, consentFieldNames, () => contactId, made ? [made] : []))
      tx.touch(one)
    await askRules(tx, row.id, unit)
  }
  tx.touch({ resource: 'messages', ids: [messageId], changed: [], subjectIds })
}

function html(reply: FastifyReply, said: string, more = ''): FastifyReply {
  return reply
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; form-action 'self'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    })
    .serializer((text: unknown) => String(text))
    .send(
      `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Messages</title><p>${said}</p>${more}`,
    )
}
