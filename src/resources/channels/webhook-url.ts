/** Where a channel's provider posts. @param publicUrl without a slash at the end */
export const webhookUrl = (publicUrl: string, channelId: string): string => `${publicUrl}/v1/ingest/${channelId}`
