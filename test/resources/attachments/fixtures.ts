import { randomUUIDv7 } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Answer, type TestService } from '../../harness/service.ts'

/** The smallest PNG: one grey pixel. */
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB4iG8MwAAAABJRU5ErkJggg==',
  'base64',
)

/** A file that is a PDF to whoever looks at its first bytes, `size` bytes long, with a text to be found in it. */
export function pdf(size: number, canary = 'the-canary-sings'): Buffer {
  const bytes = Buffer.alloc(size, `${canary} `)
  bytes.write('%PDF-1.7\n')
  return bytes
}

export interface UploadOptions {
  token?: string
  fileName?: string
  type?: string
  fields?: Record<string, string>
  headers?: Record<string, string>
}

/** Uploads a file to a listening service, as a browser does. */
export async function upload(
  service: Pick<TestService, 'url' | 'ownerToken'>,
  bytes: Buffer,
  { token = service.ownerToken, fileName = 'file.pdf', type = '', fields = {}, headers = {} }: UploadOptions = {},
): Promise<Answer> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('file', new Blob([new Uint8Array(bytes)], { type }), fileName)
  const response = await fetch(`${service.url}/v1/attachments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: form,
  })
  return new Answer(response.status, Object.fromEntries(response.headers), await response.text())
}

export interface Content {
  status: number
  headers: Headers
  bytes: Buffer
}

/** Fetches a file's content. */
export async function content(
  service: Pick<TestService, 'url' | 'ownerToken'>,
  id: string,
  options: { token?: string; headers?: Record<string, string>; method?: string; query?: string } = {},
): Promise<Content> {
  const { token = service.ownerToken, headers = {}, method = 'GET', query = '' } = options
  const response = await fetch(`${service.url}/v1/attachments/${id}/content${query}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
}

/** Every file in the service's store: its path, bytes and mode. */
export function storedFiles({ config }: Pick<TestService, 'config'>): { path: string; bytes: Buffer; mode: number }[] {
  const folder = join(config.dataDir, 'attachments')
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name)
      return entry.isFile() ? [{ path, bytes: readFileSync(path), mode: statSync(path).mode & 0o777 }] : []
    })
  } catch {
    return []
  }
}

export interface StoredEvent {
  action: string
  resource: string
  outcome: string
  code: string | null
  actor_id: string | null
  row_count: number
  touched: unknown
  subject_ids: string[]
  [column: string]: unknown
}

/** The audit events that name a record, oldest first. */
export const events = (service: Pick<TestService, 'sql'>, id: string): Promise<StoredEvent[]> =>
  service.sql<StoredEvent>(
    "SELECT * FROM audit.readable_event WHERE touched @> jsonb_build_array(jsonb_build_object('ids', jsonb_build_array($1::text))) ORDER BY sequence",
    [id],
  )

/** A contact with a conversation and an empty message, straight into the tables. */
export async function conversationOf({ sql, tenantId }: Pick<TestService, 'sql' | 'tenantId'>): Promise<{
  contactId: string
  conversationId: string
  messageId: string
  channelId: string
}> {
  const [contactId, conversationId, messageId, channelId] = Array.from({ length: 4 }, () => randomUUIDv7())
  const unit = '(SELECT id FROM app.business_unit WHERE tenant_id = $1 AND is_default)'
  await sql(
    `INSERT INTO app.channel (tenant_id, id, business_unit_id, type, name, settings, sealed_settings) VALUES ($1, $2, ${unit}, 'connector', 'Test', '{}', '')`,
    [tenantId, channelId],
  )
  await sql(`INSERT INTO app.contact (tenant_id, id, business_unit_id) VALUES ($1, $2, ${unit})`, [tenantId, contactId])
  await sql(
    `INSERT INTO app.conversation (tenant_id, id, business_unit_id, contact_id, channel_id, channel, veiled) VALUES ($1, $2, ${unit}, $3, $4, 'connector', '{}')`,
    [tenantId, conversationId, contactId, channelId],
  )
  await sql(
    `INSERT INTO app.message (tenant_id, id, business_unit_id, conversation_id, contact_id, channel_id, direction, type, veiled, status, author_kind, occurred_at)
     VALUES ($1, $2, ${unit}, $3, $4, $5, 'outbound', 'text', '{}', 'queued', 'member', now())`,
    [tenantId, messageId, conversationId, contactId, channelId],
  )
  return {
    contactId: `${contactId}`,
    conversationId: `${conversationId}`,
    messageId: `${messageId}`,
    channelId: `${channelId}`,
  }
}
