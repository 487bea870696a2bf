import { at, compact, type JsonObject, type JsonValue, listAt, objectAt, textAt } from '../../json.ts'
import type { MediaRef, Party } from '../../neutral.ts'
import { timeOf } from '../../time.ts'
import type { Platform } from './item.ts'

/**
 * What somebody said in public: a comment under a post of the account's, a post on its page, a mention of it.
 * Sources: Meta, Graph API "Webhooks reference: Instagram" (comments, live_comments, mentions) and "Page" (feed, mention).
 */
export interface Said {
  kind: 'comment' | 'post' | 'mention'
  /** by which it is known here, and answered: "comment:<id>" or "post:<id>" */
  key: string
  /** the comment under which all of the thread stands, or the post */
  threadId: string
  did: 'add' | 'edit' | 'remove'
  from: Party
  /** The account itself said it. */
  isOwn: boolean
  occurredAt: Date | null
  text: string
  content: JsonObject
  media: MediaRef[]
}

/** Why a change holds nothing that somebody said to the account; see `Parsed`. */
export interface Unsaid {
  outcome: 'ignored' | 'failed'
  reason: string
}

/** Items of a page's feed that a visitor may write. */
const POSTS = new Set(['album', 'link', 'note', 'photo', 'post', 'share', 'status', 'video'])
/** What is told of a page's feed that nobody says anything by. */
const NEWS = new Set([
  'address',
  'connection',
  'coupon',
  'event',
  'experience',
  'group',
  'interest',
  'like',
  'milestone',
  'page',
  'photo-album',
  'picture',
  'platform-story',
  'profile',
  'rating',
  'reaction',
  'relationship-status',
  'story',
  'tag',
  'timeline cover',
])

const VERBS: ReadonlyMap<string, Said['did']> = new Map([
  ['add', 'add'],
  ['edit', 'edit'],
  ['edited', 'edit'],
  ['update', 'edit'],
  ['remove', 'remove'],
  ['delete', 'remove'],
])
/** The account's own housekeeping. */
const HOUSEKEEPING = new Set(['hide', 'unhide', 'block', 'unblock', 'follow', 'mute', 'unmute', 'lock', 'unlock'])

/** The fields of changes that may hold something said. */
export const SAID_FIELDS: ReadonlySet<string> = new Set(['comments', 'live_comments', 'mentions', 'feed', 'mention'])

/** @param payload an entry with one change of `SAID_FIELDS`, as `split` stores it */
export function saidOf(platform: Platform, payload: JsonValue): Said | Unsaid {
  const change = listAt(payload, 'changes')[0] ?? null
  const field = textAt(change, 'field') ?? ''
  const value = objectAt(change, 'value')
  const item = textAt(value, 'item')
  if (field === 'feed' && item !== 'comment' && !POSTS.has(item ?? ''))
    return NEWS.has(item ?? '') ? ignored('not_said') : failed('item_unknown')
  const word = textAt(value, 'verb')?.toLowerCase() ?? 'add'
  const did = VERBS.get(word)
  if (did === undefined) return HOUSEKEEPING.has(word) ? ignored('not_said') : failed('verb_unknown')
  const postId = textAt(value, 'post_id')
  // Instagram has comments only; a mention in a caption names but the media.
  const commentId = textAt(value, 'comment_id') ?? (platform === 'instagram' ? textAt(value, 'id') : undefined)
  const place = placeOf(commentId, postId ?? textAt(value, 'media_id'), textAt(value, 'parent_id'))
  if (place === undefined) return failed('no_message_id')
  const kind = field === 'mention' || field === 'mentions' ? 'mention' : commentId === undefined ? 'post' : 'comment'
  const account = textAt(payload, 'id')
  const from = partyOf(platform, value)
  const text = textAt(value, 'text') ?? textAt(value, 'message') ?? ''
  return {
    kind,
    ...place,
    did,
    from,
    isOwn:
      (account !== undefined && from.identities.some((one) => one.value === account)) ||
      textAt(value, 'from', 'self_ig_scoped_id') !== undefined,
    // An edit happens when it is told; what it changes has the time of its own.
    occurredAt:
      (did === 'add' ? timeOf(at(value, 'created_time') ?? at(value, 'timestamp')) : null) ??
      timeOf(at(payload, 'time')),
    text,
    content: contentOf(kind, value, field, { commentId, postId, text }),
    media: photosOf(value),
  }
}

/** A comment stands under its post or under another comment; Facebook names the post as the parent of the former. */
function placeOf(
  commentId: string | undefined,
  postId: string | undefined,
  parentId: string | undefined,
): Pick<Said, 'key' | 'threadId'> | undefined {
  if (commentId !== undefined) {
    const root = parentId === undefined || parentId === postId ? commentId : parentId
    return { key: `comment:${commentId}`, threadId: `comment:${root}` }
  }
  return postId === undefined ? undefined : { key: `post:${postId}`, threadId: `post:${postId}` }
}

/** Older events of pages have `sender_id`. */
function partyOf(platform: Platform, value: JsonObject): Party {
  const id = textAt(value, 'from', 'id') ?? textAt(value, 'sender_id')
  const displayName = textAt(value, 'from', 'name') ?? textAt(value, 'sender_name')
  const username = textAt(value, 'from', 'username')
  return {
    identities: id === undefined ? [] : [{ kind: platform, value: id, verified: true }],
    ...(displayName === undefined ? {} : { displayName }),
    ...(username === undefined ? {} : { username }),
  }
}

function contentOf(
  kind: Said['kind'],
  value: JsonObject,
  field: string,
  { commentId, postId, text }: { commentId: string | undefined; postId: string | undefined; text: string },
): JsonObject {
  const media = at(value, 'media') ?? null
  return compact({
    kind,
    text: text === '' ? undefined : text,
    commentId,
    parentId: textAt(value, 'parent_id'),
    postId,
    mediaId: textAt(media, 'id') ?? textAt(value, 'media_id'),
    productType: textAt(media, 'media_product_type'),
    adId: textAt(media, 'ad_id'),
    adTitle: textAt(media, 'ad_title'),
    permalink: textAt(value, 'post', 'permalink_url') ?? textAt(value, 'permalink_url'),
    link: textAt(value, 'link'),
    video: textAt(value, 'video'),
    live: field === 'live_comments' ? true : undefined,
  })
}

function photosOf(value: JsonObject): MediaRef[] {
  const all = [textAt(value, 'photo'), ...listAt(value, 'photos').map((one) => textAt(one))]
  const urls = all.flatMap((url) => (url !== undefined && URL.canParse(url) ? [url] : []))
  return [...new Set(urls)].map((url) => ({ kind: 'image', url }))
}

const ignored = (reason: string): Unsaid => ({ outcome: 'ignored', reason })
const failed = (reason: string): Unsaid => ({ outcome: 'failed', reason })
