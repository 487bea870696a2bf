import type { ChannelType } from '../../channels/channel.ts'
import { channelType } from '../../channels/index.ts'
import type { JsonRow } from '../../db/database.ts'
import type { Columns } from '../../db/row-changes.ts'
import { json } from '../../db/sql.ts'
import { Problem } from '../../errors.ts'
import { faultsOf } from '../../http/schema.ts'
import type { TenantKeys } from '../../privacy/keyring.ts'

/** A channel's settings, checked by its type. What its methods take. */
export interface ChannelSettings {
  type: ChannelType
  /** Secrets included: never into an answer, a log or the audit. */
  settings: unknown
}

/** @throws Problem unprocessable where the contract knows the type and this release does not */
export function typeNamed(name: string): ChannelType {
  const type = channelType(name)
  if (type) return type
  throw new Problem('unprocessable', {
    detail: `Channels of type "${name}" are not supported yet.`,
    errors: [{ path: '/type', code: 'not_supported', message: 'This release cannot speak with this provider.' }],
  })
}

/**
 * The settings that a client sends, by the type's own rules.
 * @param code unprocessable where it takes the stored channel to know the rules
 * @throws Problem of that code, with the place of each fault below /settings
 */
export function checkedSettings(
  type: ChannelType,
  given: unknown,
  code: 'invalid_request' | 'unprocessable' = 'invalid_request',
): unknown {
  const result = type.settings.safeParse(given)
  if (result.success) return result.data
  const errors = faultsOf(result.error, 'body').map((one) => ({ ...one, path: `/settings${one.path}` }))
  throw new Problem(code, { errors })
}

/** The columns that hold settings: all of them sealed, those that may be seen in clear, and what events are routed by. */
export function settingsColumns(keys: TenantKeys, id: string, { type, settings }: ChannelSettings): Columns {
  const appSecret = type.appSecret(settings)
  return {
    settings: json(withoutSecrets(type, settings)),
    sealed_settings: keys.seal(JSON.stringify(settings), sealContext(id)),
    account: type.account(settings),
    app_hash: appSecret === null ? null : appHash(keys, appSecret),
  }
}

/**
 * A channel's settings with its secrets, for talking with the provider.
 * @param sealed the column `sealed_settings`
 * @throws when they do not fit the type any more
 */
export function openSettings(keys: TenantKeys, id: string, typeName: string, sealed: Buffer): ChannelSettings {
  const type = typeNamed(typeName)
  return { type, settings: type.settings.parse(JSON.parse(keys.open(sealed, sealContext(id)).toString())) }
}

/** Channels behind one provider app share its secret: equal hashes, and nobody can try secrets against them. */
export const appHash = (keys: TenantKeys, appSecret: string): Buffer => keys.hash('channel-app', appSecret)

/** The secrets that the type made because the client gave none, by their names. */
export function madeSecrets(type: ChannelType, given: unknown, settings: unknown): Record<string, string> {
  return Object.fromEntries(
    type.secrets.flatMap((name) => {
      const secret = memberOf(settings, name)
      return typeof secret === 'string' && secret !== memberOf(given, name) ? [[name, secret]] : []
    }),
  )
}

/** A JSON merge patch (RFC 7396): null removes, objects are gone into, everything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRow(patch)) return patch
  const result = new Map(isRow(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name)
    else result.set(name, mergePatch(result.get(name), value))
  }
  return Object.fromEntries(result)
}

/** A secret below another member is named with a dot: "smtp.password". */
function withoutSecrets(type: ChannelType, settings: unknown): unknown {
  return type.secrets.reduce((rest, name) => without(rest, name.split('.')), settings)
}

function without(value: unknown, [name = '', ...deeper]: readonly string[]): unknown {
  if (!isRow(value) || !Object.hasOwn(value, name)) return value
  const { [name]: member, ...rest } = value
  return deeper.length === 0 ? rest : { ...rest, [name]: without(member, deeper) }
}

function memberOf(value: unknown, path: string): unknown {
  return path.split('.').reduce((at: unknown, name) => (isRow(at) && Object.hasOwn(at, name) ? at[name] : null), value)
}

const sealContext = (id: string): string => `channel/${id}`
const isRow = (value: unknown): value is JsonRow => typeof value === 'object' && value !== null && !Array.isArray(value)
