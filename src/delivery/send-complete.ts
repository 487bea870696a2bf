import type { OutboundFile, OutboundMessage } from '../channels/channel.ts'
import { FileStoreAway } from '../privacy/file-store-away.ts'
import { openStored, storedFile } from '../resources/attachments/content.ts'
import { attachmentStore } from '../resources/attachments/keep-file.ts'
import { fileLink, messageLinkMs } from '../resources/attachments/link-token.ts'
import { unsubscribeUrl } from '../resources/unsubscribe/token.ts'
import type { Dispatch } from './send-claim.ts'
import type { OutgoingFile } from './send-outgoing.ts'
import type { WorkContext } from './task.ts'

export interface Tenant {
  tenantId: string
  region: string
}

/** A claimed message as its channel takes it: its files are opened when the channel asks for them. */
export function completed(context: WorkContext, tenant: Tenant, claim: Dispatch): OutboundMessage {
  const { db, config } = context
  const { message, files, isMarketing, channel } = claim
  return {
    ...message,
    files: files.map((file) => outboundFile(context, tenant, claim.id, file)),
    // One click ends marketing by mail; elsewhere people say it in their own words, or block.
    ...(isMarketing && channel.type.sends.subject
      ? { unsubscribeUrl: unsubscribeUrl(db.keyring, config.publicUrl, { ...ids(tenant), messageId: claim.id }) }
      : {}),
  }
}

/** Whether the store gives out the message's files; what is wrong with a file itself is found when it is sent. */
export async function filesAnswer(
  { db, config }: WorkContext,
  { tenantId }: Tenant,
  { files }: Dispatch,
): Promise<boolean> {
  try {
    for (const { row } of files) {
      const file = storedFile(row, db.keys(tenantId).now())
      const bytes = await openStored(attachmentStore(config), tenantId, file, { start: 0, end: 0 })
      bytes.destroy()
    }
    return true
  } catch (error) {
    return !(error instanceof FileStoreAway)
  }
}

const ids = ({ tenantId, region }: Tenant): Tenant => ({ tenantId, region })

function outboundFile(
  { db, config }: WorkContext,
  tenant: Tenant,
  messageId: string,
  { row, kind }: OutgoingFile,
): OutboundFile {
  const file = storedFile(row, db.keys(tenant.tenantId).now())
  const { id: attachmentId, fileName, mediaType, size } = file
  return {
    ...{ kind, fileName, mediaType, sizeBytes: size },
    open: () => openStored(attachmentStore(config), tenant.tenantId, file, { start: 0, end: size - 1 }),
    link: async (reader = 'provider') =>
      fileLink(
        db.keyring,
        config.publicUrl,
        { attachmentId, holder: { message: { ...ids(tenant), messageId } } },
        messageLinkMs[reader],
      ).url,
  }
}
