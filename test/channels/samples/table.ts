import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Parsed } from '../../../src/channels/channel.ts'
import type { MediaRef, MessageBody, NeutralEvent } from '../../../src/channels/neutral.ts'

/** Real payloads live outside the project (they are others' work): name their directory to test against them. */
const directory = process.env.CHANNEL_SAMPLES
export const skip =
  directory === undefined || !existsSync(directory) ? 'set CHANNEL_SAMPLES to a directory of real payloads' : false

export interface Sample {
  name: string
  bytes: Buffer
}

/** The files of a folder of samples, in the order of their names. */
export function sampleFiles(folder: string): Sample[] {
  const path = join(directory ?? '', folder)
  const names = readdirSync(path).sort()
  if (names.length === 0) throw new Error(`no samples in ${folder}`)
  return names.map((name) => ({ name, bytes: readFileSync(join(path, name)) }))
}

/** Those of them that are JSON. */
export const samples = (folder: string): Sample[] => sampleFiles(folder).filter(({ name }) => name.endsWith('.json'))

/** What an event became, in words that say nothing of what is in it. */
export function became(parsed: Parsed): string {
  return parsed.outcome === 'events' ? parsed.events.map(described).join('; ') : `${parsed.outcome}: ${parsed.reason}`
}

function described(event: NeutralEvent): string {
  switch (event.type) {
    case 'message': {
      const { replyTo, referral, forwarded, thread, historical } = event
      const more = { reply: replyTo, referral, forwarded, historical: historical || undefined, group: thread }
      return ['message', bodyOf(event), event.direction, ...Object.keys(more).filter((key) => isThere(more, key))].join(
        ' ',
      )
    }
    case 'edit':
      return `edit ${bodyOf(event)} ${event.direction}`
    case 'delete':
      return `delete ${event.direction}`
    case 'reaction':
      return `${event.emoji === null ? 'reaction taken back' : 'reaction'} ${event.direction}`
    case 'status':
      return `status ${event.status}${event.error === undefined ? '' : ` (${event.error.class})`}`
    case 'progress':
      return `progress ${event.status}`
    case 'identityChange':
      return `identity change: ${event.reason}`
    case 'preference':
      return `preference ${event.category} ${event.state}`
    case 'notice':
      return `notice ${event.severity}: ${event.kind}`
    default:
      return event.type
  }
}

const isThere = (of: Record<string, unknown>, key: string): boolean => of[key] !== undefined

function bodyOf({ message, media }: { message: MessageBody; media: MediaRef[] }): string {
  const { event, kind } = message.content
  const detail = message.type === 'system' ? event : message.type === 'interactive' ? kind : undefined
  const files = media.length === 0 ? '' : ` (${media.length === 1 ? 'a file' : `${media.length} files`})`
  return `${message.type}${typeof detail === 'string' ? ` ${detail}` : ''}${files}`
}

/** Holds the lines against the committed table; UPDATE=1 rewrites it. */
export function sameTable(
  t: { equal(found: string, wanted: string, name: string): unknown },
  name: string,
  lines: readonly string[],
  header = 'file | event kind | what it became',
): void {
  const table = new URL(`../../output/samples/${name}.txt`, import.meta.url)
  const now = `${header}\n${lines.join('\n')}\n`
  if (process.env.UPDATE === '1') {
    mkdirSync(new URL('.', table), { recursive: true })
    writeFileSync(table, now)
  }
  t.equal(now, readFileSync(table, 'utf8'), 'as committed; UPDATE=1 rewrites it')
}
