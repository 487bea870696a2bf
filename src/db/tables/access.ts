import { bigint } from 'drizzle-orm/pg-core/columns/bigint'
import { boolean } from 'drizzle-orm/pg-core/columns/boolean'
import { integer } from 'drizzle-orm/pg-core/columns/integer'
import { jsonb } from 'drizzle-orm/pg-core/columns/jsonb'
import { text } from 'drizzle-orm/pg-core/columns/text'
import { uuid } from 'drizzle-orm/pg-core/columns/uuid'
import { app, bytea, configuration, declare, instant, key, secret, staff, system } from './declare.ts'

export const role = app.table('role', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  name: text('name').notNull(),
  description: text('description'),
  builtIn: text('built_in'),
  grants: jsonb('grants').notNull(),
  seesAllBusinessUnits: boolean('sees_all_business_units').notNull(),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('role', role, null, {
  tenantId: key,
  id: key,
  name: configuration,
  description: configuration,
  builtIn: system,
  grants: configuration,
  seesAllBusinessUnits: configuration,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})

export const member = app.table('member', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  email: text('email').notNull(),
  displayName: text('display_name').notNull(),
  language: text('language'),
  timezone: text('timezone'),
  status: text('status').notNull(),
  passwordHash: text('password_hash'),
  roleIds: uuid('role_ids').array().notNull(),
  teamIds: uuid('team_ids').array().notNull(),
  businessUnitIds: uuid('business_unit_ids').array().notNull(),
  defaultPurpose: text('default_purpose'),
  revealQuota: integer('reveal_quota'),
  languages: text('languages').array().notNull(),
  workingHours: jsonb('working_hours'),
  isAway: boolean('is_away').notNull(),
  accessVersion: bigint('access_version', { mode: 'number' }).notNull(),
  lastLoginAt: instant('last_login_at'),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('member', member, null, {
  tenantId: key,
  id: key,
  email: staff,
  displayName: staff,
  language: staff,
  timezone: staff,
  status: staff,
  passwordHash: secret,
  roleIds: configuration,
  teamIds: configuration,
  businessUnitIds: configuration,
  defaultPurpose: configuration,
  revealQuota: configuration,
  languages: staff,
  workingHours: staff,
  isAway: staff,
  accessVersion: system,
  lastLoginAt: staff,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})

export const invitation = app.table('invitation', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  memberId: uuid('member_id').notNull(),
  secretHash: bytea('secret_hash').notNull(),
  expiresAt: instant('expires_at').notNull(),
  usedAt: instant('used_at'),
  createdAt: instant('created_at').notNull(),
})
declare('invitation', invitation, null, {
  tenantId: key,
  id: key,
  memberId: key,
  secretHash: secret,
  expiresAt: system,
  usedAt: system,
  createdAt: system,
})

export const apiKey = app.table('api_key', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  name: text('name').notNull(),
  prefix: text('prefix').notNull(),
  secretHash: bytea('secret_hash').notNull(),
  roleIds: uuid('role_ids').array().notNull(),
  teamIds: uuid('team_ids').array().notNull(),
  businessUnitIds: uuid('business_unit_ids').array().notNull(),
  defaultPurpose: text('default_purpose'),
  revealQuota: integer('reveal_quota'),
  status: text('status').notNull(),
  expiresAt: instant('expires_at'),
  createdBy: uuid('created_by'),
  accessVersion: bigint('access_version', { mode: 'number' }).notNull(),
  state: text('state').notNull(),
  version: integer('version').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  trashedAt: instant('trashed_at'),
})
declare('api_key', apiKey, null, {
  tenantId: key,
  id: key,
  name: configuration,
  prefix: configuration,
  secretHash: secret,
  roleIds: configuration,
  teamIds: configuration,
  businessUnitIds: configuration,
  defaultPurpose: configuration,
  revealQuota: configuration,
  status: configuration,
  expiresAt: configuration,
  createdBy: staff,
  accessVersion: system,
  state: system,
  version: system,
  createdAt: system,
  updatedAt: system,
  trashedAt: system,
})

export const session = app.table('session', {
  tenantId: uuid('tenant_id').notNull(),
  id: uuid('id').notNull(),
  memberId: uuid('member_id').notNull(),
  apiKeyId: uuid('api_key_id'),
  createdAt: instant('created_at').notNull(),
  expiresAt: instant('expires_at').notNull(),
  endedAt: instant('ended_at'),
  endedReason: text('ended_reason'),
})
declare('session', session, null, {
  tenantId: key,
  id: key,
  memberId: key,
  apiKeyId: key,
  createdAt: staff,
  expiresAt: system,
  endedAt: staff,
  endedReason: staff,
})

export const refreshToken = app.table('refresh_token', {
  tenantId: uuid('tenant_id').notNull(),
  tokenHash: bytea('token_hash').notNull(),
  sessionId: uuid('session_id').notNull(),
  createdAt: instant('created_at').notNull(),
  usedAt: instant('used_at'),
})
declare('refresh_token', refreshToken, null, {
  tenantId: key,
  tokenHash: secret,
  sessionId: key,
  createdAt: system,
  usedAt: system,
})

export const idempotency = app.table('idempotency', {
  tenantId: uuid('tenant_id').notNull(),
  principalId: uuid('principal_id').notNull(),
  keyHash: bytea('key_hash').notNull(),
  fingerprint: bytea('fingerprint').notNull(),
  status: integer('status').notNull(),
  result: jsonb('result').notNull(),
  createdAt: instant('created_at').notNull(),
})
declare('idempotency', idempotency, null, {
  tenantId: key,
  principalId: key,
  keyHash: system,
  fingerprint: system,
  status: system,
  result: system,
  createdAt: system,
})
