import type { Profile } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { parseJson, textAt } from '../json.ts'
import { languageOf } from '../language.ts'
import type { Identity, Thread } from '../neutral.ts'
import { apiBaseUrl, type LineSettings } from './settings.ts'

const TIMEOUT_MS = 15_000
const ANSWER_BYTES_MAX = 64 * 1024

/**
 * LINE tells of friends of the account, and of members of a group that the account is in; of nobody who blocked it.
 * Source: LINE, Messaging API "Get profile", "Get group chat member profile".
 * @throws HttpClientError where asking again later may help
 */
export async function fetchLineProfile(
  identity: Identity,
  settings: LineSettings,
  http: HttpClient,
  thread?: Thread,
): Promise<Profile | null> {
  if (identity.kind !== 'line') return null
  const user = encodeURIComponent(identity.value)
  for (const path of [`profile/${user}`, ...memberPaths(user, thread)]) {
    const response = await http.request({
      method: 'GET',
      url: `${apiBaseUrl(settings)}/v2/bot/${path}`,
      headers: { authorization: `Bearer ${settings.channelAccessToken}`, accept: 'application/json' },
      timeoutMs: TIMEOUT_MS,
      maxBytes: ANSWER_BYTES_MAX,
    })
    const { status } = response
    if (status === 429 || status >= 500) throw new HttpClientError('network', true, `LINE answered ${status}`)
    if (status !== 200) continue
    const body = parseJson(response.body)
    const displayName = textAt(body, 'displayName')
    const language = languageOf(textAt(body, 'language'))
    return { ...(displayName === undefined ? {} : { displayName }), ...(language === undefined ? {} : { language }) }
  }
  return null
}

/** Ids of groups begin with C, those of rooms with R. */
function memberPaths(user: string, thread: Thread | undefined): string[] {
  if (thread === undefined) return []
  return [`${thread.id.startsWith('R') ? 'room' : 'group'}/${encodeURIComponent(thread.id)}/member/${user}`]
}
