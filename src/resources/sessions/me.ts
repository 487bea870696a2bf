import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { grantSchema } from '../../access/grant.ts'
import type { Principal } from '../../access/principal.ts'
import type { ReadPlan } from '../../db/database.ts'
import type { Part } from '../../db/read-statement.ts'
import { named, type SQL, sql } from '../../db/sql.ts'
import { apiKey, member, role } from '../../db/tables/access.ts'
import { sendRecord } from '../../http/etag.ts'
import { callerOf } from '../../http/guard.ts'
import { operation } from '../../http/operation.ts'
import type { Deps } from '../../http/records.ts'

const myRoles = z.array(
  z
    .object({
      id: z.uuid().meta({ description: 'The role.' }),
      name: z.string().meta({ description: 'Its name.', example: 'agent' }),
      grants: z.array(grantSchema).meta({ description: 'What it lets me do.' }),
    })
    .meta({ id: 'MyRole', description: 'A role of mine.' }),
)

const me = z
  .object({
    kind: z.enum(['member', 'apiKey']).meta({ description: 'What I am.', example: 'member' }),
    id: z.uuid().meta({ description: 'My id.' }),
    tenantId: z.uuid().meta({ description: 'My tenant.' }),
    displayName: z.string().meta({ description: 'My name.', example: 'Mei Chen' }),
    email: z
      .string()
      .nullable()
      .meta({ description: 'My login address; a key has none.', example: 'agent@example.com' }),
    onBehalfOf: z.uuid().nullable().meta({ description: 'The member for whom I act.' }),
    teamIds: z.array(z.uuid()).meta({ description: 'My teams.', example: [] }),
    businessUnitIds: z
      .union([z.array(z.uuid()), z.literal('*')])
      .meta({ description: 'The business units that I see; "*" for all.', example: '*' }),
    countries: z.array(z.string()).meta({ description: 'The countries that my teams serve.', example: ['DE'] }),
    purpose: z
      .string()
      .nullable()
      .meta({ description: 'The purpose of my requests, where they name none.', example: 'support' }),
    roles: myRoles.meta({ description: 'My roles, and what each lets me do.' }),
    memberRoles: myRoles
      .optional()
      .meta({ description: 'The roles of the member for whom I act: I may do what both allow.' }),
  })
  .meta({ id: 'Me', description: 'Who I am, and what I may do.' })

/** A principal's own record is its own to see, whatever its roles say. */
export function meRoute(app: FastifyInstance, { db }: Deps): void {
  app.get('/v1/me', {
    config: { access: { action: 'read', resource: 'members' }, selfGuarded: true },
    schema: operation('me', 'Who am I?', {
      response: { 200: me },
      etag: true,
      description: 'Who asks, the roles, and what each of them allows.',
    }),
    handler: async (request, reply) => {
      const caller = callerOf(request)
      const result = await db.read(
        caller,
        { action: 'read', resource: caller.principal.kind === 'apiKey' ? 'api-keys' : 'members' },
        plan,
      )
      const { principal } = caller
      const [self] = result.rows ?? []
      return sendRecord(request, reply, {
        kind: principal.kind,
        id: principal.id,
        tenantId: principal.tenantId,
        displayName: self?.displayName,
        email: self?.email ?? null,
        onBehalfOf: principal.onBehalfOf,
        teamIds: principal.me.teamIds,
        businessUnitIds: principal.units,
        countries: principal.me.countries,
        purpose: principal.purpose,
        roles: (result.roles ?? []).map(({ id, name, grants }) => ({ id, name, grants })),
        ...(result.memberRoles
          ? { memberRoles: result.memberRoles.map(({ id, name, grants }) => ({ id, name, grants })) }
          : {}),
      })
    },
  })
}

function plan(principal: Principal): ReadPlan {
  const key = principal.kind === 'apiKey'
  const table = key ? apiKey : member
  return {
    key: 'me',
    wanted: String(principal.id),
    values: {},
    parts: () => [
      {
        name: 'rows',
        resource: key ? 'api-keys' : 'members',
        columns: key
          ? sql`${apiKey.id} AS id, ${apiKey.name} AS "displayName", ${apiKey.roleIds} AS "_roles", NULL::uuid AS "_subject"`
          : sql`${member.id} AS id, ${member.displayName} AS "displayName", ${member.email} AS email, ${member.roleIds} AS "_roles", NULL::uuid AS "_subject"`,
        from: sql`${table}`,
        tenant: table.tenantId,
        where: sql`${table.id} = ${named('actorId')}::uuid`,
        shown: key ? ['id', 'name', 'roleIds'] : ['id', 'displayName', 'email', 'roleIds'],
        masked: [],
        byRow: false,
      },
      rolesPart('roles', sql`SELECT unnest(m._roles) FROM rows AS m`),
      // A key that acts for a member may do what both may: both are told.
      ...(principal.onBehalfOf
        ? [
            rolesPart(
              'memberRoles',
              sql`SELECT unnest(${member.roleIds}) FROM ${member} WHERE ${member.tenantId} = ${named('eventTenant')}::uuid AND ${member.id} = ${named('onBehalfOf')}::uuid`,
            ),
          ]
        : []),
    ],
  }
}

function rolesPart(name: string, ids: SQL): Part {
  return {
    name,
    resource: 'roles',
    columns: sql`${role.id} AS id, ${role.name} AS name, ${role.grants} AS grants, NULL::uuid AS "_subject"`,
    from: sql`${role}`,
    tenant: role.tenantId,
    where: sql`${role.id} IN (${ids}) AND ${role.state} = 'active'`,
    shown: ['id', 'name', 'grants'],
    masked: [],
    byRow: false,
  }
}
