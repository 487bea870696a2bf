import { z } from 'zod'
import { commonFields, defineResource, idOf, time } from '../../access/define.ts'
import { sql } from '../../db/sql.ts'
import { channel } from '../../db/tables/conversation.ts'
import { described } from '../../http/schema.ts'
import { text } from '../values.ts'
import { documentedCreate, documentedPatch, shownSettings } from './documented.ts'

export const channelTypeNames = [
  'whatsapp',
  'messenger',
  'instagram',
  'line',
  'telegram',
  'email',
  'form',
  'webchat',
  'connector',
] as const

export const channels = defineResource({
  name: 'channels',
  title: 'Channel',
  description:
    'One connected account (a WhatsApp number, a mailbox, a connector) with its secrets, which go in and never come out.',
  table: channel,
  tenant: channel.tenantId,
  id: channel.id,
  unit: channel.businessUnitId,
  state: channel.state,
  fields: {
    ...commonFields(channel),
    type: {
      column: channel.type,
      kind: 'choice',
      schema: z.enum(channelTypeNames).meta({ description: 'What is connected; set once.', example: 'whatsapp' }),
      write: 'create',
      required: true,
      mask: 'hidden',
    },
    name: {
      column: channel.name,
      schema: text(100, 'The channel’s name.', 'WhatsApp Germany'),
      write: 'always',
      required: true,
      search: 'text',
    },
    businessUnitId: {
      column: channel.businessUnitId,
      schema: idOf('The business unit whose contacts it serves; set once.'),
      write: 'create',
    },
    teamId: { column: channel.teamId, schema: idOf('The team that answers.'), write: 'always' },
    settings: {
      column: channel.settings,
      schema: z.record(z.string(), z.unknown()).meta({
        description: 'The settings of the type; secrets go in, never come out.',
        example: { phoneNumberId: '106540352242922' },
      }),
      write: 'always',
      required: true,
      nullable: false,
    },
    status: {
      column: channel.status,
      kind: 'choice',
      schema: z
        .enum(['active', 'disabled'])
        .meta({ description: 'A disabled channel takes nothing in and sends nothing.', example: 'active' }),
      write: 'always',
      mask: 'hidden',
    },
    webhookUrl: {
      value: sql`'/v1/ingest/' || ${channel.id}::text`,
      kind: 'text',
      schema: z.url().meta({
        description: 'Where the provider posts; to be entered at the provider.',
        example: 'https://hub.example.com/v1/ingest/0199f3a2-7c10-7a44-9d55-0d1f3b6c2a11',
      }),
      nullable: false,
      filter: false,
      sort: false,
      mask: 'hidden',
    },
    lastEventAt: {
      column: channel.lastEventAt,
      schema: time('When the provider last posted, to the minute.'),
      volatile: true,
    },
    lastSentAt: { column: channel.lastSentAt, schema: time('When a message last went out.'), volatile: true },
    lastError: {
      column: channel.lastError,
      kind: 'choice',
      schema: z.string().meta({ description: 'The last trouble, as a code.', example: 'reauthorise' }),
      mask: 'hidden',
      volatile: true,
    },
    lastErrorAt: { column: channel.lastErrorAt, schema: time('When that was.'), volatile: true },
  },
})
const created = channels.createBody.omit({ status: true }).strict()
const { patchBody: patched } = channels
channels.createBody = described(() => documentedCreate(created), created)
channels.patchBody = described(() => documentedPatch(patched), patched)
channels.answer = channels.answer
  .extend({
    settings: shownSettings.optional().meta({
      description: 'The settings of the type, without its secrets.',
      example: { phoneNumberId: '106540352242922' },
    }),
  })
  .meta({ id: 'Channel', description: channels.description })
