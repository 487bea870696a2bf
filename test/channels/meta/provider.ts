import { Readable } from 'node:stream'
import type { ChannelType, OutboundFile, OutboundMessage } from '../../../src/channels/channel.ts'
import { createHttpClient, HttpClientError, type HttpErrorCode } from '../../../src/channels/http-client.ts'
import { json, type LocalServer, localServer, type Seen } from '../local-server.ts'

export const id = '018f0000-0000-7000-8000-000000000001'

type Teardown = { teardown(end: () => unknown): unknown }
type Answer = (seen: Seen) => { status: number; body: unknown; headers?: Record<string, string> }

/** The Graph API's double, and a sender to it. `answer` is asked per request. */
export async function graphDouble<Settings extends object>(
  t: Teardown,
  channel: ChannelType<Settings>,
  settings: Settings,
  answer: Answer,
): Promise<{ server: LocalServer; send: (message: OutboundMessage) => ReturnType<ChannelType['send']> }> {
  const server = await localServer((seen, response) => {
    const { status, body, headers } = answer(seen)
    json(response, status, body, headers)
  })
  const http = createHttpClient({ allowPrivate: true })
  t.teardown(() => Promise.all([http.close(), server.close()]))
  return {
    server,
    send: (message) => channel.send(message, { ...settings, apiBaseUrl: `${server.url}/v24.0/` }, http),
  }
}

/** A client whose every request fails so. */
export const failing = (code: HttpErrorCode, requestSent: boolean) => ({
  request: () => Promise.reject(new HttpClientError(code, requestSent, 'x')),
  download: () => Promise.reject(new Error('not used')),
  connect: () => Promise.reject(new Error('not used')),
})

/** A stored file of these bytes. */
export function file(kind: OutboundFile['kind'], mediaType: string, more: Partial<OutboundFile> = {}): OutboundFile {
  const bytes = Buffer.from('the bytes')
  return {
    kind,
    fileName: 'angebot.pdf',
    mediaType,
    sizeBytes: bytes.length,
    open: async () => Readable.from([bytes]),
    link: async () => 'https://hub.example/f/signed',
    ...more,
  }
}

/** The fields and files of a form, read by another implementation than ours. */
export async function formOf(seen: Seen | undefined): Promise<FormData> {
  if (seen === undefined) throw new Error('nothing was asked')
  return new Response(seen.body, { headers: { 'content-type': String(seen.headers['content-type']) } }).formData()
}
