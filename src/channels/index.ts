import type { ChannelType, ChannelTypeName } from './channel.ts'
import { connector } from './connector/index.ts'
import { email } from './email/index.ts'
import { form } from './form/index.ts'
import { instagram } from './instagram/index.ts'
import { line } from './line/index.ts'
import { messenger } from './messenger/index.ts'
import { telegram } from './telegram/index.ts'
import { webchat } from './webchat/index.ts'
import { whatsapp } from './whatsapp/index.ts'

/** The channels that this hub speaks. A new one is a folder and a line here. */
export const channelTypes: readonly ChannelType[] = [
  whatsapp,
  messenger,
  instagram,
  line,
  telegram,
  email,
  form,
  webchat,
  connector,
]

const byName: ReadonlyMap<string, ChannelType> = new Map(channelTypes.map((channel) => [channel.type, channel]))

/**
 * The channel of this name. Its settings are `unknown` here: parse them with its own `settings` first.
 * @returns undefined for a name of the contract that has no folder yet, and for any other text
 */
export function channelType(name: ChannelTypeName | (string & {})): ChannelType | undefined {
  return byName.get(name)
}
