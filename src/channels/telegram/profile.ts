import type { Profile } from '../channel.ts'
import { type HttpClient, HttpClientError } from '../http-client.ts'
import { textAt } from '../json.ts'
import type { Identity } from '../neutral.ts'
import { callBot } from './api.ts'
import { failureOf } from './errors.ts'
import { nameOf } from './party.ts'
import type { TelegramSettings } from './settings.ts'

/** Of those who have written to the bot. Source: Telegram, Bot API "getChat". @throws HttpClientError where asking again later may help */
export async function fetchTelegramProfile(
  identity: Identity,
  settings: TelegramSettings,
  http: HttpClient,
): Promise<Profile | null> {
  if (identity.kind !== 'telegram') return null
  const answer = await callBot(http, settings, 'getChat', { json: { chat_id: identity.value } })
  if (!answer.ok) {
    if (failureOf(answer.status, answer.description).class !== 'transient') return null
    throw new HttpClientError('network', true, `Telegram answered ${answer.status}`)
  }
  const displayName = nameOf(answer.result)
  const username = textAt(answer.result, 'username')
  return { ...(displayName === undefined ? {} : { displayName }), ...(username === undefined ? {} : { username }) }
}
