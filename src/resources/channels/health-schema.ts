import { z } from 'zod'
import { time } from '../../access/define.ts'

const count = (description: string, example = 0) => z.int().meta({ description, example })
const seconds = (description: string) => z.number().nullable().meta({ description, example: 0.4 })

/** How a channel is, in one look. */
export const channelHealth = z
  .object({
    status: z.enum(['ok', 'warning', 'error']).meta({
      description:
        'error: somebody must act (a token, a connection, a disabled channel with work waiting); warning: something failed or lags; ok: neither. May grow.',
      example: 'ok',
    }),
    lastEventAt: time('When the provider last posted, to the minute.').nullable(),
    lastSentAt: time('When a message last went out.').nullable(),
    lastError: z.string().nullable().meta({ description: 'The last trouble, as a code.', example: 'reauthorise' }),
    lastErrorAt: time('When that was.').nullable(),
    tokenTrouble: z.boolean().meta({
      description: 'The provider refuses our credentials, or lacks them: others are to be entered.',
      example: false,
    }),
    connect: z
      .object({
        state: z.enum(['connected', 'pending', 'failed']).meta({
          description: 'Whether the provider knows where to post; may grow.',
          example: 'connected',
        }),
        error: z.string().nullable().meta({ description: 'Why it does not, as a code.', example: null }),
        connectedAt: time('When it was last told.').nullable(),
      })
      .nullable()
      .meta({ description: 'null where a person tells the provider: see setup.' }),
    inbound: z
      .object({
        waiting: count('Events that are stored and not processed yet.'),
        lagSeconds: seconds('How old the oldest of them is.'),
        unrouted: count('Events posted here for accounts that no channel serves.'),
        failed: count('Events of the last 24 hours that were set aside; see /v1/inbound-events?status=failed.'),
      })
      .meta({ description: 'What comes in.' }),
    outbound: z
      .object({
        waiting: count('Messages that are to go out.'),
        lagSeconds: seconds('How old the oldest of them is.'),
        failed: count('Messages that failed in the last 24 hours.'),
        unknown: count('Messages of the last 24 hours of which nobody knows whether they arrived.'),
        pausedUntil: time('Until when the provider asks for patience.').nullable(),
      })
      .meta({ description: 'What goes out.' }),
    media: z
      .object({
        waiting: count('Files that are still at the provider.'),
        failed: count('Files that could not be fetched in the last 24 hours.'),
      })
      .meta({ description: 'Files of messages.' }),
  })
  .meta({ id: 'ChannelHealth', description: 'How a channel is.' })

export const channelSetup = z
  .object({
    webhookUrl: z.url().meta({
      description: 'Where the provider posts.',
      example: 'https://hub.example.com/v1/ingest/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
    }),
    isAutomatic: z.boolean().meta({ description: 'Whether the provider is told by us; see health.', example: false }),
    steps: z
      .array(
        z.object({
          name: z.string().meta({ description: 'What it is; may grow.', example: 'verify_token' }),
          hint: z.string().meta({
            description: 'Where it is entered.',
            example: 'Meta app → WhatsApp → Configuration → Verify token',
          }),
          value: z.string().meta({ description: 'What is entered.', example: 'a-verify-token' }),
        }),
      )
      .meta({ description: 'What to enter at the provider.' }),
  })
  .meta({ id: 'ChannelSetup', description: 'How a channel is made known to its provider.' })
