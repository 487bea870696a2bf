import { rowsWhere } from '../../access/door.ts'
import type { MediaKind } from '../../channels/neutral.ts'
import type { Tx } from '../../db/database.ts'
import { array, sql } from '../../db/sql.ts'
import { attachments } from './schema.ts'

/** The kind of media that a media type is, as channels tell them apart. */
export function mediaKind(mediaType: string | null): MediaKind {
  const [family] = (mediaType ?? '').split('/', 1)
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document'
}

/** The kinds of stored files, in the order of `ids`; what the principal does not see is as good as any document. */
export async function fileKinds(tx: Tx, ids: readonly string[]): Promise<MediaKind[]> {
  const readable = rowsWhere(tx.principal, attachments, 'read')
  const rows = readable
    ? await tx.query<{ id: string; media_type: string | null }>(
        sql`SELECT ${attachments.id} AS id, media_type FROM ${attachments.table}
          WHERE ${attachments.tenant} = ${tx.principal.tenantId}::uuid AND ${attachments.id} = ANY (${array(ids, 'uuid')}) AND ${readable}`,
      )
    : []
  const types = new Map(rows.map((row) => [row.id, row.media_type]))
  return ids.map((id) => mediaKind(types.get(id) ?? null))
}

/** What a channel does not take as what it is goes as a document, where it takes those. */
export const sentAs = (kinds: readonly MediaKind[], taken: readonly string[]): MediaKind[] =>
  kinds.map((kind) => (taken.includes(kind) || !taken.includes('document') ? kind : 'document'))
