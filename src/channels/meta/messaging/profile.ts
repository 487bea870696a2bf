import type { Profile } from '../../channel.ts'
import type { HttpClient } from '../../http-client.ts'
import { textAt } from '../../json.ts'
import type { Identity } from '../../neutral.ts'
import { type GraphApi, readGraph } from '../graph.ts'
import { type Platform, USER_REF } from './item.ts'

const FIELDS: Readonly<Record<Platform, string>> = {
  messenger: 'name,first_name,last_name',
  instagram: 'name,username',
}

/**
 * Who somebody is, as they call themselves there; null where Meta does not say (no consent, no permission).
 * @throws HttpClientError where asking again later may help
 */
export async function messagingProfile(
  platform: Platform,
  { kind, value }: Identity,
  api: GraphApi,
  http: HttpClient,
): Promise<Profile | null> {
  if (kind !== platform || value.startsWith(USER_REF)) return null
  const answer = await readGraph(api, `${encodeURIComponent(value)}?fields=${FIELDS[platform]}`, http)
  const parts = [textAt(answer, 'first_name'), textAt(answer, 'last_name')].filter((part) => part !== undefined)
  const displayName = textAt(answer, 'name') ?? (parts.length > 0 ? parts.join(' ') : undefined)
  const username = textAt(answer, 'username')
  if (displayName === undefined && username === undefined) return null
  return { ...(displayName === undefined ? {} : { displayName }), ...(username === undefined ? {} : { username }) }
}
