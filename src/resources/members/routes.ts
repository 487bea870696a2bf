import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Tx } from '../../db/database.ts'
import { lockRow } from '../../db/row-changes.ts'
import { array, sql } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { collection } from '../../http/collection.ts'
import { callerOf } from '../../http/guard.ts'
import { changeOnce } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import type { Change } from '../../http/record-changes.ts'
import type { Deps } from '../../http/records.ts'
import { idParams } from '../../http/schema.ts'
import { checkGiven, checkLetIn, checkUnitsGiven, unitsGiven } from '../roles/giving.ts'
import { hashPassword } from './password.ts'
import { addressHash, checkReferences, endSessions, invite, keepOneOwner, mayInvite } from './queries.ts'
import { checkQuota } from './reveal-quota.ts'
import { members } from './schema.ts'

const invitation = z
  .object({
    token: z.string().meta({
      description: 'The one-time token; POST it with a password to /v1/invitations/accept.',
      example: 'cin_…',
    }),
    expiresAt: z.iso
      .datetime({ offset: true })
      .meta({ description: 'Until when it works.', example: '2026-11-29T09:30:00Z' }),
  })
  .meta({ id: 'Invitation', description: 'A one-time link by which a member sets a password; shown once.' })

export function memberRoutes(app: FastifyInstance, deps: Deps): void {
  const { db } = deps
  const invitations = new WeakMap<object, z.infer<typeof invitation>>()

  collection(app, deps, {
    resource: members,
    searchable: true,
    errors: { change: ['last_owner'], trash: ['last_owner'] },
    createdAnswer: members.answer
      .extend({ invitation: invitation.optional() })
      .meta({ id: 'MemberCreated', description: 'A new member; with the one-time link when it has no password yet.' }),
    create: async ({ tx, id, body, after }) => {
      await checkReferences(tx, body)
      checkQuota(tx.principal, members, body, after)
      checkUnitsGiven(tx.principal, body.businessUnitIds)
      await checkGiven(tx, body.roleIds)
      await tx.query(sql`SELECT directory.register_login(${addressHash(db.keyring, String(body.email))}, ${id}::uuid)`)
      after.status = typeof body.password === 'string' ? 'active' : 'invited'
      return {
        status: after.status,
        password_hash: typeof body.password === 'string' ? await hashPassword(body.password) : null,
        business_unit_ids: array(unitsGiven(tx.principal, body.businessUnitIds), 'uuid'),
      }
    },
    created: async (change) => {
      if (change.after.status === 'invited') invitations.set(change.after, await invite(change.tx, change.id))
    },
    createdExtra: ({ after }) => (invitations.has(after) ? { invitation: invitations.get(after) } : {}),
    change: (change) => memberChange(change, deps),
    trash: async ({ tx, id }) => {
      await keepOneOwner(tx, id)
      await endSessions(tx, id, 'member trashed')
      return { access_version: sql`access_version + 1` }
    },
    restore: async ({ tx, before }) => {
      await checkLetIn(tx, before?.clear ?? {})
      return {}
    },
  })

  app.post('/v1/members/:id/invitations', {
    config: { access: { action: 'administer', resource: 'members' } },
    schema: operation('members.invite', 'Make a new one-time link', {
      params: idParams,
      response: { 201: invitation },
      description: 'For a member who has lost the first link or the password. Older links stop working.',
      idempotent: true,
    }),
    handler: async (request, reply) => {
      const { id } = idParams.parse(request.params)
      const caller = callerOf(request)
      const entry = { action: 'administer', resource: 'members' } as const
      const work = async (tx: Tx) => {
        const { clear } = await lockRow(tx, members, id, 'administer')
        if (!(await mayInvite(tx, clear))) throw new Problem('forbidden', { detail: 'The member may more than you.' })
        tx.touch({ resource: 'members', ids: [id], changed: ['password'] })
        return { id, record: { ...(await invite(tx, id)) } }
      }
      // The link is kept nowhere: a repetition makes another one, and again only the newest works.
      const again = async () => (await db.change(caller, entry, work)).record
      const made = await changeOnce(db, caller, request, reply, entry, work, again)
      return reply.code(201).send(made.record)
    },
  })
}

/** Rights that change are gone or there at the member's next request. */
async function memberChange({ tx, id, body, before, after }: Change, { db }: Deps): Promise<Record<string, unknown>> {
  await checkReferences(tx, body)
  checkQuota(tx.principal, members, body, before?.clear ?? after)
  checkUnitsGiven(tx.principal, body.businessUnitIds, before?.clear.businessUnitIds)
  // Whoever is let in again gets back all that was taken.
  const isBack = after.status === 'active' && before?.clear.status === 'deactivated'
  if (isBack) await checkLetIn(tx, after)
  else await checkGiven(tx, after.roleIds, before?.clear.roleIds)
  if ('email' in body && body.email !== before?.clear.email) {
    // Whoever sets the address to log in with could lock out those above.
    if (!(await mayInvite(tx, before?.clear ?? {}))) throw new Problem('forbidden')
    await tx.query(sql`SELECT directory.forget_login(${id}::uuid)`)
    await tx.query(sql`SELECT directory.register_login(${addressHash(db.keyring, String(body.email))}, ${id}::uuid)`)
  }
  if (after.status !== before?.clear.status && (after.status === 'invited' || before?.clear.status === 'invited'))
    throw new Problem('unprocessable', {
      errors: [{ path: '/status', code: 'not_settable', message: 'A member becomes active by setting a password.' }],
    })
  if (['status', 'roleIds'].some((name) => name in body)) {
    const owner = await tx.query(
      sql`SELECT 1 FROM app.role WHERE tenant_id = ${tx.principal.tenantId}::uuid AND built_in = 'owner' AND id = ANY (${sql.param(after.roleIds)}::uuid[])`,
    )
    if (owner.length === 0 || after.status !== 'active') await keepOneOwner(tx, id)
  }
  if (after.status === 'deactivated') await endSessions(tx, id, 'member deactivated')
  return ['status', 'roleIds', 'teamIds', 'businessUnitIds', 'defaultPurpose', 'revealQuota'].some(
    (name) => name in body,
  )
    ? { access_version: sql`access_version + 1` }
    : {}
}
