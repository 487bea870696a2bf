import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Tx } from '../../db/database.ts'
import { Problem } from '../../errors.ts'
import { callerOf, metaOf } from '../../http/guard.ts'
import { changeOnce } from '../../http/idempotency.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'
import { noContent } from '../../http/schema.ts'
import { accessToken, readSecret } from '../../http/tokens.ts'
import { hashPassword } from '../members/password.ts'
import { members, passwordSchema } from '../members/schema.ts'
import { failureTime, LoginThrottle } from './login-throttle.ts'
import {
  candidates,
  exchange,
  invitationAccept,
  type Opened,
  passwordChange,
  sessionEnd,
  sessionOpen,
  sessionRefresh,
} from './queries.ts'

const member = z
  .object({
    id: z.uuid().meta({ description: 'The member’s id.' }),
    email: z.string().meta({ description: 'The login address.', example: 'agent@example.com' }),
    displayName: z.string().meta({ description: 'The name.', example: 'Mei Chen' }),
    tenantId: z.uuid().meta({ description: 'The tenant.' }),
  })
  .meta({ id: 'SessionMember', description: 'Who is logged in.' })

const expiresAt = z.iso
  .datetime({ offset: true })
  .meta({ description: 'When the access token ends.', example: '2026-11-22T09:40:00Z' })
const access = z.string().meta({ description: 'The access token: Authorization: Bearer …', example: 'eyJ…' })

const session = z
  .object({
    accessToken: access,
    refreshToken: z.string().meta({ description: 'Works once; gives the next pair.', example: 'crt_…' }),
    expiresAt,
    member,
  })
  .meta({ id: 'Session', description: 'A session’s tokens.' })

const exchanged = z
  .object({
    accessToken: access,
    expiresAt,
    member: member
      .partial({ email: true, displayName: true })
      .meta({ id: 'ActedFor', description: 'For whom the token acts, as far as the API key sees that member.' }),
  })
  .meta({ id: 'ExchangedSession', description: 'A short access token that acts for a member.' })

const login = z
  .strictObject({
    email: z.string().min(1).max(254).meta({ description: 'The login address.', example: 'owner@example.com' }),
    password: z.string().min(1).max(200).meta({ description: 'The password.', example: 'correct horse battery' }),
    tenant: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'The tenant’s id, only where one address belongs to several.' }),
  })
  .meta({ id: 'Login', description: 'What a person logs in with.' })

const refreshBody = z
  .strictObject({
    refreshToken: z.string().min(1).max(500).meta({ description: 'The newest refresh token.', example: 'crt_…' }),
  })
  .meta({ id: 'Refresh', description: 'What a session goes on with.' })
const exchangeBody = z
  .strictObject({ memberId: z.uuid().toLowerCase().meta({ description: 'The member to act for.' }) })
  .meta({ id: 'Exchange', description: 'For whom an API key wants to act.' })
const acceptBody = z
  .strictObject({
    token: z.string().min(1).max(500).meta({ description: 'The one-time token.', example: 'cin_…' }),
    password: passwordSchema,
  })
  .meta({ id: 'AcceptInvitation', description: 'A one-time link’s token, and the password to set.' })
const changeBody = z
  .strictObject({
    currentPassword: z
      .string()
      .min(1)
      .max(200)
      .meta({ description: 'The password until now.', example: 'correct horse battery' }),
    newPassword: passwordSchema,
  })
  .meta({ id: 'PasswordChange', description: 'The password until now, and the new one.' })

export function sessionRoutes(app: FastifyInstance, { db }: Deps): void {
  const throttle = new LoginThrottle(db)
  const tokens = (opened: Opened) => ({
    ...accessToken(app, {
      kind: 'member',
      tenantId: opened.member.tenantId,
      memberId: opened.member.id,
      sessionId: opened.sessionId,
    }),
    refreshToken: opened.refreshToken,
    member: opened.member,
  })

  app.post('/v1/sessions', {
    config: { public: true },
    schema: operation('sessions.create', 'Log in', {
      body: login,
      response: { 201: session },
      errors: ['invalid_credentials', 'unprocessable'],
      description:
        'Wrong password and unknown address answer alike, and in the same time. Too many failures are slowed down per account and per address.',
    }),
    handler: async (request, reply) => {
      const begun = performance.now()
      const { email, password, tenant } = login.parse(request.body)
      await throttle.begin(email, request.ip)
      const matching = await candidates(db, email, password, tenant, metaOf(request))
      if (matching.length === 0) {
        await failureTime(begun)
        throw new Problem('invalid_credentials')
      }
      await throttle.succeeded(email, request.ip)
      const [only] = matching
      if (matching.length > 1 || !only)
        throw new Problem('unprocessable', {
          detail: 'This address belongs to several tenants: name one.',
          extra: { tenants: matching.map((one) => ({ id: one.tenantId, name: one.tenantName })) },
        })
      return reply.code(201).send(tokens(await sessionOpen(db, only, metaOf(request))))
    },
  })

  app.post('/v1/sessions/refresh', {
    config: { public: true },
    schema: operation('sessions.refresh', 'Get the next pair of tokens', {
      body: refreshBody,
      response: { 200: session },
      errors: ['unauthenticated'],
      description: 'Each refresh token works once; using an old one ends the session.',
    }),
    handler: async (request) => {
      const { refreshToken } = refreshBody.parse(request.body)
      const secret = readSecret('crt', refreshToken)
      const opened = secret && (await sessionRefresh(db, secret, metaOf(request)))
      if (!opened) throw new Problem('unauthenticated')
      return tokens(opened)
    },
  })

  app.delete('/v1/sessions/current', {
    config: { access: { action: 'delete', resource: 'sessions' }, selfGuarded: true },
    schema: operation('sessions.end', 'Log out', {
      response: { 204: noContent },
      errors: ['unprocessable'],
      description: 'Ends the session: its access token is refused from the next request on.',
    }),
    handler: async (request, reply) => {
      await sessionEnd(db, callerOf(request))
      return reply.code(204).send()
    },
  })

  app.post('/v1/sessions/exchange', {
    config: { access: { action: 'impersonate', resource: 'members' } },
    schema: operation('sessions.exchange', 'Act for a member', {
      body: exchangeBody,
      response: { 201: exchanged },
      errors: ['not_found', 'unprocessable'],
      description:
        'With an API key that has the right `impersonate`: a short access token with the rights that both have; the audit names both.',
    }),
    handler: async (request, reply) => {
      const { memberId } = exchangeBody.parse(request.body)
      const caller = callerOf(request)
      const { sessionId, apiKeyId, member } = await exchange(db, caller, memberId)
      const token = accessToken(app, {
        kind: 'exchange',
        tenantId: caller.principal.tenantId,
        memberId,
        sessionId,
        apiKeyId,
      })
      return reply.code(201).send({ ...token, member })
    },
  })

  app.post('/v1/invitations/accept', {
    config: { public: true },
    schema: operation('invitations.accept', 'Set a password by a one-time link', {
      body: acceptBody,
      response: { 201: session },
      errors: ['unauthenticated'],
      description: 'Activates an invited member, or sets a new password, and logs in.',
    }),
    handler: async (request, reply) => {
      const { token, password } = acceptBody.parse(request.body)
      const secret = readSecret('cin', token)
      const opened = secret && (await invitationAccept(db, secret, await hashPassword(password), metaOf(request)))
      if (!opened) throw new Problem('unauthenticated')
      return reply.code(201).send(tokens(opened))
    },
  })

  app.post('/v1/me/password', {
    config: { access: { action: 'update', resource: members.name }, selfGuarded: true },
    schema: operation('me.password', 'Change the own password', {
      body: changeBody,
      response: { 204: noContent },
      errors: ['forbidden'],
      idempotent: true,
      description: 'Ends every other session of the member.',
    }),
    handler: async (request, reply) => {
      const { currentPassword, newPassword } = changeBody.parse(request.body)
      const caller = callerOf(request)
      const name = `${caller.principal.tenantId}/${caller.principal.id}`
      await throttle.begin(name, request.ip)
      const work = async (tx: Tx) => {
        if (!(await passwordChange(tx, currentPassword, newPassword)))
          throw new Problem('forbidden', { detail: 'The current password is wrong.' })
        return { id: String(tx.principal.id), record: {} }
      }
      const entry = { action: 'update', resource: members.name } as const
      await changeOnce(db, caller, request, reply, entry, work, async () => ({}))
      await throttle.succeeded(name, request.ip)
      return reply.code(204).send()
    },
  })
}
