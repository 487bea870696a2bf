import { z } from 'zod'
import { type ChannelType, type KeptEvent, type MediaDownload, MediaError } from '../channels/channel.ts'
import { type HttpClient, HttpClientError } from '../channels/http-client.ts'
import { channelType } from '../channels/index.ts'
import type { MediaRef } from '../channels/neutral.ts'
import type { Database, Tx } from '../db/database.ts'
import { sql } from '../db/sql.ts'
import type { FileStore } from '../privacy/file-store.ts'
import { FileStoreAway } from '../privacy/file-store-away.ts'
import { attachmentStore, FileRefused, type KeptFile, keepFile } from '../resources/attachments/keep-file.ts'
import { sourceContext } from '../resources/attachments/pending.ts'
import { keptColumns, setAttachment } from '../resources/attachments/queries.ts'
import { channelTrouble } from '../resources/channels/health.ts'
import { keptEvent } from '../resources/inbound-events/kept-event.ts'
import { systemCaller } from '../resources/tenants/create.ts'
import type { Task, WorkContext } from './task.ts'

const ids = z.object({ tenantId: z.uuid(), region: z.string(), attachmentId: z.uuid() })

/** Then the file counts as lost. With the queue's back-off that is half an hour. */
const attemptsMax = 8
/** Of one attempt, however slowly the bytes come. */
const timeoutMs = 300_000

const mediaRef = z.object({
  kind: z.enum(['image', 'video', 'audio', 'document', 'sticker']),
  part: z.string().optional(),
  contentId: z.string().optional(),
  externalId: z.string().optional(),
  url: z.string().optional(),
  mediaType: z.string().optional(),
  filename: z.string().optional(),
  sha256: z.string().optional(),
  sizeBytes: z.number().optional(),
})

/** Why a file could not be fetched, where the provider is not to blame. */
class FetchError extends Error {
  readonly code: 'channel_gone' | 'channel_settings' | 'not_a_reference' | 'not_supported' | 'checksum_mismatch'
  constructor(code: FetchError['code']) {
    super(`a file was not fetched: ${code}`)
    this.name = 'FetchError'
    this.code = code
  }
}

interface Tenant {
  tenantId: string
  region: string
}

/** What the row of a file that is not there yet says. */
interface Wanted {
  id: string
  channelId: string
  fileName: string | null
  mediaType: string | null
  /** null: it cannot be read any more. */
  ref: MediaRef | null
  channel: { type: string; settings: unknown } | null
  /** The event that brought it, where the file is in the event itself; null: it cannot be read any more. */
  event: KeptEvent | null
}

/**
 * Fetches the file of a message from its provider into the store, under the contact's key. By what name the provider
 * knows it (an id, an address with a token in it) stays sealed: it gets into no log, no other row, no answer.
 */
export const fetchMedia: Task = async (context, payload, { attempts }) => {
  const { tenantId, region, attachmentId } = ids.parse(payload)
  const { db, log, config } = context
  const tenant = { tenantId, region }
  const store = attachmentStore(config)
  const wanted = await readWanted(db, tenant, attachmentId, store)
  // Fetched already, or its author took it back.
  if (!wanted) return
  let kept: KeptFile
  try {
    kept = await download(context, store, tenant, wanted)
  } catch (error) {
    // Our own store is away: that is no reason to give up the provider's file.
    if (error instanceof FileStoreAway) throw error
    const { status, code, retryable } = faultOf(error)
    if (retryable && attempts < attemptsMax) throw error
    log.info({ attachmentId, status, code, attempts }, 'a file was not fetched')
    await record(db, tenant, attachmentId, async (tx) => {
      if (code === 'unauthorised') {
        await channelTrouble(tx, wanted.channelId, { code, at: new Date().toISOString() })
        tx.touch({ resource: 'channels', ids: [wanted.channelId], changed: ['lastError', 'lastErrorAt'] })
      }
      // The reference is kept where it may be of use again: when the channel has been put right.
      const isSpent = status === 'refused' || code === 'gone'
      return { status, error: code, attempts, ...(isSpent ? { sealed_source: null } : {}) }
    })
    return
  }
  // When this fails, nobody knows whether the row names the file now; if it does not, the upkeep sweeps it.
  const isNamed = await record(db, tenant, attachmentId, async (tx, contactId) => ({
    ...(await keptColumns(tx, attachmentId, kept, contactId)),
    attempts,
    sealed_source: null,
  }))
  if (!isNamed) await store.remove(tenantId, kept.storedAs)
}

async function readWanted(db: Database, tenant: Tenant, id: string, store: FileStore): Promise<Wanted | null> {
  const [row] = await db.lookup<{
    channel_id: string
    file_name: string | null
    media_type: string | null
    sealed_source: Buffer | null
    type: string | null
    sealed_settings: Buffer | null
    inbound_event_id: string | null
  }>(
    tenant,
    sql`SELECT a.channel_id, a.file_name, a.media_type, a.sealed_source, c.type, c.sealed_settings, m.inbound_event_id
        FROM app.attachment a LEFT JOIN app.message m ON m.tenant_id = a.tenant_id AND m.id = a.message_id
        LEFT JOIN app.channel c ON c.tenant_id = a.tenant_id AND c.id = a.channel_id AND c.state = 'active'
        WHERE a.tenant_id = ${tenant.tenantId}::uuid AND a.id = ${id}::uuid AND a.status = 'pending'`,
  )
  if (!row) return null
  const keys = await db.tenantKeys(tenant)
  const opened = (sealed: Buffer | null, context: string): unknown =>
    sealed === null ? null : JSON.parse(keys.open(sealed, context).toString())
  const { channel_id: channelId, type, inbound_event_id: eventId } = row
  const ref = readRef(opened(row.sealed_source, sourceContext(id)))
  return {
    id,
    channelId,
    fileName: row.file_name,
    mediaType: row.media_type,
    ref,
    channel: type === null ? null : { type, settings: opened(row.sealed_settings, `channel/${channelId}`) },
    event: ref?.part !== undefined && eventId !== null ? await keptEvent(db, tenant, eventId, store) : null,
  }
}

function readRef(value: unknown): MediaRef | null {
  const { data } = mediaRef.safeParse(value)
  if (!data) return null
  const { kind, ...rest } = data
  return { kind, ...Object.fromEntries(Object.entries(rest).filter(([, one]) => one !== undefined)) }
}

/** @throws FetchError, FileRefused, MediaError, HttpClientError */
async function download(
  { http, config }: WorkContext,
  store: FileStore,
  { tenantId }: Tenant,
  { id, ref, channel, fileName, mediaType, event }: Wanted,
): Promise<KeptFile> {
  if (channel === null) throw new FetchError('channel_gone')
  if (ref === null) throw new FetchError('not_a_reference')
  const type = channelType(channel.type)
  if (!type || !(ref.part === undefined ? type.fetchMedia : type.mediaPart)) throw new FetchError('not_supported')
  const settings = type.settings.safeParse(channel.settings)
  if (!settings.success) throw new FetchError('channel_settings')
  const maxBytes = Math.min(type.limits.mediaBytesMax, config.attachmentMaxBytes)
  if ((ref.sizeBytes ?? 0) > maxBytes) throw new FileRefused('too_large')
  const media = await source(type, ref, event, settings.data, http)
  // Somebody listens from the first moment, whatever happens to the stream before it is read.
  media.stream.on('error', () => {})
  const timer = setTimeout(() => media.stream.destroy(new MediaError('unavailable', true)), timeoutMs)
  try {
    if ((media.sizeBytes ?? 0) > maxBytes) throw new FileRefused('too_large')
    const kept = await keepFile(store, { tenantId, attachmentId: id }, media.stream, {
      mediaType: media.mediaType ?? ref.mediaType ?? mediaType,
      fileName: fileName ?? ref.filename ?? null,
      strict: false,
      maxBytes,
    })
    const announced = media.sha256 ?? ref.sha256 ?? null
    if (announced === null || announced.toLowerCase() === kept.sha256) return kept
    await store.remove(tenantId, kept.storedAs)
    throw new FetchError('checksum_mismatch')
  } finally {
    clearTimeout(timer)
    media.stream.destroy()
  }
}

/** From the event itself where the file came with it, else from the provider. */
async function source(
  type: ChannelType,
  ref: MediaRef,
  event: KeptEvent | null,
  settings: unknown,
  http: HttpClient,
): Promise<MediaDownload> {
  const found =
    ref.part === undefined
      ? await type.fetchMedia?.(ref, settings, http)
      : event
        ? await type.mediaPart?.(event, ref)
        : undefined
  // The event has expired, or its person was erased.
  if (!found) throw new MediaError('gone', false)
  return found
}

/** Why a file is not there, as its row says it. What is not known here may pass. */
function faultOf(error: unknown): { status: 'failed' | 'refused'; code: string; retryable: boolean } {
  const tooLarge = (error instanceof MediaError || error instanceof HttpClientError) && error.code === 'too_large'
  if (error instanceof FileRefused || tooLarge)
    return { status: 'refused', code: tooLarge ? 'too_large' : error.code, retryable: false }
  if (error instanceof MediaError) return { status: 'failed', code: error.code, retryable: error.retryable }
  if (error instanceof HttpClientError) return { status: 'failed', code: 'unavailable', retryable: true }
  if (error instanceof FetchError)
    return { status: 'failed', code: error.code, retryable: error.code === 'checksum_mismatch' }
  return { status: 'failed', code: 'internal', retryable: true }
}

/** Writes down what became of a file, unless somebody else has; false: it was not written. */
async function record(
  db: Database,
  tenant: Tenant,
  id: string,
  columnsOf: (tx: Tx, contactId: string | null) => Promise<Record<string, unknown>>,
): Promise<boolean> {
  return db.change(systemCaller(db, tenant, id), { action: 'import', resource: 'attachments' }, async (tx) => {
    const [row] = await tx.query<{ contact_id: string | null; version: number }>(
      sql`SELECT contact_id, version FROM app.attachment
          WHERE tenant_id = ${tenant.tenantId}::uuid AND id = ${id}::uuid AND status = 'pending' FOR NO KEY UPDATE`,
    )
    const about = { resource: 'attachments', ids: [id], subjectIds: [row?.contact_id ?? null] }
    if (!row) {
      tx.touch({ ...about, changed: [] })
      return false
    }
    await setAttachment(tx, id, await columnsOf(tx, row.contact_id))
    tx.touch({
      ...about,
      changed: ['status', 'error', 'mediaType', 'size', 'contentUrl'],
      version: row.version + 1,
    })
    return true
  })
}
