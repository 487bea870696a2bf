import type { Parsed } from '../channel.ts'
import { cleanJson, compact, isObject, type JsonValue, listAt, numberAt, textAt } from '../json.ts'
import type { MediaKind, MediaRef, MessageBody, Party } from '../neutral.ts'
import { externalIdOf, type Visitor, visitorIdentities, visitorOf } from './visitor-post.ts'

/** A visitor's stored message. Total over any JSON. */
export function parseWebchat(event: { kind: string; payload: JsonValue }): Parsed {
  const payload = cleanJson(event.payload)
  if (payload === undefined) return { outcome: 'failed', reason: 'nested_too_deeply' }
  if (event.kind !== 'message') return { outcome: 'failed', reason: 'kind_unknown' }
  const visitor = visitorOf(payload)
  const id = textAt(payload, 'id')
  if (visitor === undefined || id === undefined) return { outcome: 'failed', reason: 'not_a_message' }
  const media = listAt(payload, 'files').filter(isObject).map(fileRef)
  const text = textAt(payload, 'text')
  const pressed = pressedOf(payload)
  if (text === undefined && media.length === 0 && pressed === undefined)
    return { outcome: 'ignored', reason: 'empty_message' }
  return {
    outcome: 'events',
    events: [
      {
        type: 'message',
        externalId: externalIdOf(visitor.id, id),
        direction: 'inbound',
        historical: false,
        from: partyOf(visitor),
        // It was taken in by ourselves: when it arrived is when it was written.
        occurredAt: null,
        message: pressed ?? bodyOf(text, media),
        media,
      },
    ],
  }
}

/** What the page says of a visitor is a claim; only the signed user is known. */
function partyOf(visitor: Visitor): Party {
  const { name, email } = visitor
  const identities = visitorIdentities(visitor)
  if (email !== undefined) identities.push({ kind: 'email', value: email, verified: false })
  return {
    identities,
    ...(name === undefined ? {} : { displayName: name }),
    ...(email === undefined ? {} : { email }),
  }
}

/** What was chosen of the choices that were sent, by the id that it was sent with. */
function pressedOf(payload: JsonValue): MessageBody | undefined {
  const id = textAt(payload, 'button', 'id')
  const title = textAt(payload, 'button', 'title')
  return id === undefined ? undefined : { type: 'button', content: compact({ payload: id, title }), text: title ?? id }
}

function bodyOf(text: string | undefined, media: readonly MediaRef[]): MessageBody {
  const [only] = media
  if (text === undefined && only !== undefined && media.length === 1)
    return {
      type: only.kind,
      content: compact({ filename: only.filename, mediaType: only.mediaType }),
      text: `[${only.kind}] ${only.filename ?? ''}`.trim(),
    }
  const said = text ?? media.map(({ kind, filename }) => `[${kind}] ${filename ?? ''}`.trim()).join('\n')
  return { type: 'text', content: { text: text ?? '' }, text: said }
}

function fileRef(file: JsonValue, index: number): MediaRef {
  const filename = textAt(file, 'fileName')
  const mediaType = textAt(file, 'mediaType')
  const sizeBytes = numberAt(file, 'sizeBytes')
  return {
    kind: kindOf(mediaType),
    part: `files/${index}`,
    ...(filename === undefined ? {} : { filename }),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  }
}

function kindOf(mediaType: string | undefined): MediaKind {
  const family = mediaType?.toLowerCase().split('/')[0]
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document'
}
