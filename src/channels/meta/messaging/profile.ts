import type { Profile } from '../../channel.ts'
import type { HttpClient } from '../../http-client.ts'
import { type JsonValue, textAt } from '../../json.ts'
import { languageOf } from '../../language.ts'
import type { Identity } from '../../neutral.ts'
import { type GraphApi, readGraph } from '../graph.ts'
import { type Platform, USER_REF } from './item.ts'

const FIELDS: Readonly<Record<Platform, string>> = {
  messenger: 'name,first_name,last_name',
  instagram: 'name,username',
}

/** Needs a permission of its own (pages_user_locale), and without it the whole request is refused (100/2018247). */
const MORE_FIELDS: Readonly<Record<Platform, string | undefined>> = { messenger: 'locale', instagram: undefined }

/** Tokens that lack the permission, as far as this process has found out. */
const without = new Set<string>()
const WITHOUT_MAX = 1_000

/**
 * Who somebody is, as they call themselves there; null where Meta does not say (no consent, no permission). Neither a
 * picture nor an offset from UTC, which is no time zone, is asked for. Source: Meta, Messenger Platform "User Profile API".
 * @throws HttpClientError where asking again later may help
 */
export async function messagingProfile(
  platform: Platform,
  { kind, value }: Identity,
  api: GraphApi,
  http: HttpClient,
): Promise<Profile | null> {
  if (kind !== platform || value.startsWith(USER_REF)) return null
  const answer = await fieldsOf(value, platform, api, http)
  const parts = [textAt(answer, 'first_name'), textAt(answer, 'last_name')].filter((part) => part !== undefined)
  const displayName = textAt(answer, 'name') ?? (parts.length > 0 ? parts.join(' ') : undefined)
  const username = textAt(answer, 'username')
  if (displayName === undefined && username === undefined) return null
  const [givenName, familyName] = [textAt(answer, 'first_name'), textAt(answer, 'last_name')]
  const language = languageOf(textAt(answer, 'locale'))
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(username === undefined ? {} : { username }),
    ...(givenName === undefined ? {} : { givenName }),
    ...(familyName === undefined ? {} : { familyName }),
    ...(language === undefined ? {} : { language }),
  }
}

async function fieldsOf(
  id: string,
  platform: Platform,
  api: GraphApi,
  http: HttpClient,
): Promise<JsonValue | undefined> {
  const ask = (fields: string) => readGraph(api, `${encodeURIComponent(id)}?fields=${fields}`, http)
  const more = without.has(api.accessToken) ? undefined : MORE_FIELDS[platform]
  if (more === undefined) return ask(FIELDS[platform])
  const all = await ask(`${FIELDS[platform]},${more}`)
  if (all !== undefined) return all
  const some = await ask(FIELDS[platform])
  if (some !== undefined && without.size < WITHOUT_MAX) without.add(api.accessToken)
  return some
}
