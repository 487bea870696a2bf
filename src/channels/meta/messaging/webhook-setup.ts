import type { SetupStep } from '../../channel.ts'

/** What to enter in the Meta app so that a product's events arrive. @param where the page of the app's dashboard */
export function webhookSteps(
  where: string,
  settings: { verifyToken: string },
  webhookUrl: string,
  fields: readonly string[],
): SetupStep[] {
  return [
    { name: 'callback_url', hint: `Meta app → ${where} → Webhooks → Callback URL`, value: webhookUrl },
    { name: 'verify_token', hint: `Meta app → ${where} → Webhooks → Verify token`, value: settings.verifyToken },
    { name: 'fields', hint: `Meta app → ${where} → Webhooks → fields to subscribe to`, value: fields.join(', ') },
  ]
}
