import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { json, type LocalServer, localServer } from '../../channels/local-server.ts'

const secret = 'an-app-secret-of-the-load'
const request = z.looseObject({ to: z.string(), text: z.object({ body: z.string() }) })

/** WhatsApp on both sides of one number: customers who write, and the double of the API that takes our answers. */
export class Provider {
  readonly phoneNumberId = '700000000000077'
  /** The texts that it was asked to deliver, as often as it was asked. */
  readonly delivered: string[] = []
  readonly #server: LocalServer

  private constructor(server: LocalServer) {
    this.#server = server
  }

  /** Answers after 0 to `slowMs` milliseconds, so that a kill finds messages on their way. */
  static async start(slowMs: number): Promise<Provider> {
    let count = 0
    const server = await localServer((seen, response) => {
      provider.delivered.push(request.parse(JSON.parse(seen.body)).text.body)
      const id = `wamid.out.${++count}`
      void sleep(Math.random() * slowMs).then(() =>
        json(response, 200, { messaging_product: 'whatsapp', messages: [{ id }] }),
      )
    })
    const provider = new Provider(server)
    return provider
  }

  /** The body of POST /v1/channels. */
  get channel(): object {
    const { phoneNumberId } = this
    const settings = { appSecret: secret, verifyToken: 'verify', accessToken: 'access', apiBaseUrl: this.#server.url }
    return { type: 'whatsapp', name: 'WhatsApp', settings: { phoneNumberId, ...settings } }
  }

  /** What WhatsApp posts when customers write, signed. */
  post(messages: readonly { from: string; id: string; text: string }[]): {
    body: string
    headers: Record<string, string>
  } {
    const value = {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '+49 30 5557 0077', phone_number_id: this.phoneNumberId },
      contacts: messages.map(({ from }) => ({ profile: { name: `Customer ${from.slice(-3)}` }, wa_id: from })),
      messages: messages.map(({ from, id, text }) => ({
        from,
        id,
        timestamp: String(Math.floor(Date.now() / 1000)),
        type: 'text',
        text: { body: text },
      })),
    }
    const change = { field: 'messages', value }
    const body = JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [{ id: '800000000000077', changes: [change] }],
    })
    const signature = createHmac('sha256', secret).update(body).digest('hex')
    return { body, headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` } }
  }

  async end(): Promise<void> {
    await this.#server.close()
  }
}
