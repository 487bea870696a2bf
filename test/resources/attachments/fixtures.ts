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
