import type { channelTypeNames } from '../channels/schema.ts'

type ChannelTypeName = (typeof channelTypeNames)[number]

const words: Readonly<Record<ChannelTypeName, string>> = {
  whatsapp: 'WhatsApp contact',
  messenger: 'Messenger contact',
  instagram: 'Instagram contact',
  line: 'LINE contact',
  telegram: 'Telegram contact',
  email: 'Email contact',
  form: 'Form contact',
  webchat: 'Webchat visitor',
  connector: 'Contact',
}

const byType: ReadonlyMap<string, string> = new Map(Object.entries(words))

/** Names that the hub gave for want of a better one: the first real name takes their place. */
export const madeUpNames: ReadonlySet<string> = new Set(Object.values(words))

/** What a person without a name is called. Never the address: names are shown to people who see addresses masked. */
export const madeUpName = (channelType: string): string => byType.get(channelType) ?? words.connector
