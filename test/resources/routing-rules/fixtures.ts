import type { Answer, TestService } from '../../harness/service.ts'

/** A rule that does something harmless. */
export const draft = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  name: 'A rule',
  position: 1,
  event: 'message_received',
  actions: [{ setPriority: 'high' }],
  ...more,
})

export const make = (
  service: TestService,
  more: Record<string, unknown> = {},
  token: string = service.ownerToken,
): Promise<Answer> => service.request('POST', '/v1/routing-rules', { body: draft(more), token })
