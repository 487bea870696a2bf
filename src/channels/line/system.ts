import { at, camelCased, compact, type JsonObject, type JsonValue, listAt, textAt } from '../json.ts'
import type { MessageBody } from '../neutral.ts'

/**
 * What happens in a chat without anybody saying anything, for its history. Those who join or leave a group are named
 * by id only and become no contacts by that. Undefined for types that are not known.
 */
export function systemOf(event: JsonObject): MessageBody | undefined {
  const word = (...path: string[]) => textAt(event, ...path)
  switch (word('type')) {
    case 'join':
      return system('join', {}, 'The account joined the group')
    case 'leave':
      return system('leave', {}, 'The account left the group')
    case 'memberJoined':
      return members('member_joined', event, 'joined', 'joined the group')
    case 'memberLeft':
      return members('member_left', event, 'left', 'left the group')
    case 'videoPlayComplete':
      return system(
        'video_play_complete',
        { trackingId: word('videoPlayComplete', 'trackingId') },
        'Watched a video to its end',
      )
    case 'beacon': {
      const kind = word('beacon', 'type')
      const content = { beacon: camelCased(at(event, 'beacon') ?? null) }
      return system(
        'beacon',
        content,
        kind === 'enter' ? 'Came near a beacon' : kind === 'leave' ? 'Left a beacon' : 'Met a beacon',
      )
    }
    case 'accountLink': {
      const result = word('link', 'result')
      return system(
        'account_link',
        { result, nonce: word('link', 'nonce') },
        result === 'ok' ? 'Linked an account' : 'Linking an account failed',
      )
    }
    case 'membership': {
      const kind = word('membership', 'type')
      const text =
        kind === 'joined'
          ? 'Joined a membership'
          : kind === 'left'
            ? 'Left a membership'
            : kind === 'renewed'
              ? 'Renewed a membership'
              : 'Changed a membership'
      return system('membership', { membership: camelCased(at(event, 'membership') ?? null) }, text)
    }
    default:
      return undefined
  }
}

function members(name: string, event: JsonObject, member: string, did: string): MessageBody {
  const ids = listAt(event, member, 'members').flatMap((one) => textAt(one, 'userId') ?? [])
  return system(name, { memberIds: ids }, `${ids.length === 1 ? 'Somebody' : `${ids.length} people`} ${did}`)
}

function system(event: string, content: Record<string, JsonValue | undefined>, text: string): MessageBody {
  return { type: 'system', content: { event, ...compact(content) }, text }
}
