import type { SetupStep } from '../channel.ts'
import type { FormSettings } from './settings.ts'

/** What to enter at the form's provider, or to write into the page. */
export function setupForm({ kind, signingSecret, honeypot }: FormSettings, webhookUrl: string): SetupStep[] {
  switch (kind) {
    case 'typeform':
      return [
        { name: 'endpoint', hint: 'Connect → Webhooks → Add a webhook: the endpoint.', value: webhookUrl },
        {
          name: 'secret',
          hint: 'Edit the webhook → Secret: the signingSecret of this channel.',
          value: signingSecret === undefined ? 'none set: posts are taken unsigned' : 'the signingSecret',
        },
      ]
    case 'tally':
      return [
        { name: 'endpoint', hint: 'Integrations → Webhooks → Connect: the endpoint URL.', value: webhookUrl },
        {
          name: 'signing_secret',
          hint: 'Add signing secret: the signingSecret of this channel.',
          value: signingSecret === undefined ? 'none set: posts are taken unsigned' : 'the signingSecret',
        },
      ]
    case 'jotform': {
      const secret = signingSecret === undefined ? '' : `?secret=${encodeURIComponent(signingSecret)}`
      return [
        {
          name: 'webhook_url',
          hint: 'Settings → Integrations → WebHooks: the address, which is a secret, since Jotform signs nothing.',
          value: `${webhookUrl}${secret}`,
        },
      ]
    }
    case 'html':
      return [
        { name: 'action', hint: 'The form’s address: <form method="post" action="…">.', value: webhookUrl },
        {
          name: 'nonce',
          hint: 'A hidden field with a random value of each view of the page: the same one is taken once.',
          value: '_nonce',
        },
        {
          name: 'honeypot',
          hint: 'A text field that style sheets hide and people leave empty: what is filled in there is spam.',
          value: honeypot ?? '_gotcha',
        },
        {
          name: 'shown_at',
          hint:
            signingSecret === undefined
              ? 'A hidden field with the time (ms since 1970) at which the page was shown.'
              : 'A hidden field: the time (ms since 1970), a dot, and the hexadecimal HMAC-SHA256 of that time under the signingSecret.',
          value: '_t',
        },
        {
          name: 'redirect',
          hint: 'A hidden field with the address to go to afterwards, on an allowed origin.',
          value: '_redirect',
        },
      ]
  }
}
