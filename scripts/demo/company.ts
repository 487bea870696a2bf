/** The demo company: its parts, people and accounts. All of it is made up. */

export const units = {
  europe: { name: 'Meridian Europe', legalEntity: 'Meridian Trading GmbH', establishmentCountry: 'DE' },
  americas: { name: 'Meridian Americas', legalEntity: 'Meridian Trading Inc.', establishmentCountry: 'US' },
  asia: { name: 'Meridian Asia Pacific', legalEntity: 'Meridian Trading Pte. Ltd.', establishmentCountry: 'SG' },
} as const
export type UnitKey = keyof typeof units

export const teams = {
  central: { name: 'Central Europe', countries: ['DE', 'AT', 'CH', 'PL'] },
  west: { name: 'Western & Southern Europe', countries: ['FR', 'BE', 'IT', 'ES', 'GB', 'GR'] },
  middle: { name: 'Türkiye, Middle East & Central Asia', countries: ['TR', 'AE', 'SA', 'EG', 'KZ'] },
  americas: { name: 'The Americas', countries: ['US', 'CA', 'MX', 'BR', 'AR', 'CO'] },
  east: { name: 'China, Japan & Korea', countries: ['CN', 'JP', 'KR'] },
  south: { name: 'South & South-East Asia, Pacific', countries: ['TH', 'VN', 'IN', 'SG', 'AU'] },
} as const
export type TeamKey = keyof typeof teams

export interface Colleague {
  /** Before the "@" of the login. */
  login: string
  name: string
  role: 'owner' | 'manager' | 'sales' | 'agent' | 'privacy' | 'connector'
  units: readonly UnitKey[]
  teams: readonly TeamKey[]
  language: string
  timezone: string
}

/** The owner first: it is the one that the tenant is made with. */
export const colleagues: readonly Colleague[] = [
  colleague('amara', 'Amara Okafor', 'owner', ['europe', 'americas', 'asia'], [], 'en', 'Europe/Berlin'),
  colleague('henrik', 'Henrik Lindqvist', 'manager', ['europe'], ['central', 'west', 'middle'], 'de', 'Europe/Berlin'),
  colleague('mei', 'Mei Tan', 'manager', ['asia', 'americas'], ['east', 'south', 'americas'], 'en', 'Asia/Singapore'),
  colleague('clara', 'Clara Vogt', 'sales', ['europe'], ['central', 'west', 'middle'], 'de', 'Europe/Vienna'),
  colleague('thiago', 'Thiago Moreira', 'sales', ['americas'], ['americas'], 'pt-BR', 'America/Sao_Paulo'),
  colleague('haruka', 'Haruka Mori', 'sales', ['asia'], ['east', 'south'], 'ja', 'Asia/Tokyo'),
  colleague('jonas', 'Jonas Brandt', 'agent', ['europe'], ['central'], 'de', 'Europe/Berlin'),
  colleague('camille', 'Camille Fabre', 'agent', ['europe'], ['west'], 'fr', 'Europe/Paris'),
  colleague('leyla', 'Leyla Aksoy', 'agent', ['europe'], ['middle'], 'tr', 'Europe/Istanbul'),
  colleague('diego', 'Diego Herrera', 'agent', ['americas'], ['americas'], 'es', 'America/Mexico_City'),
  colleague('lina', '李娜 Li Na', 'agent', ['asia'], ['east'], 'zh-Hans', 'Asia/Shanghai'),
  colleague('ananya', 'Ananya Rao', 'agent', ['asia'], ['south'], 'en', 'Asia/Kolkata'),
  colleague('ruth', 'Ruth Adler', 'privacy', ['europe', 'americas', 'asia'], [], 'de', 'Europe/Berlin'),
  colleague('bridge', 'Shop system', 'connector', ['europe'], [], 'en', 'Europe/Berlin'),
]

function colleague(
  login: string,
  name: string,
  role: Colleague['role'],
  unitKeys: readonly UnitKey[],
  teamKeys: readonly TeamKey[],
  language: string,
  timezone: string,
): Colleague {
  return { login, name, role, units: unitKeys, teams: teamKeys, language, timezone }
}

export const tags = {
  vip: ['#b45309', 'Looked after first.'],
  wholesale: ['#1d4ed8', 'Buys to sell on.'],
  café: ['#7c2d12', 'Runs a café or restaurant.'],
  newsletter: ['#0f766e', 'Gets the newsletter.'],
  'trade-fair': ['#6d28d9', 'Met at a trade fair.'],
  delivery: ['#0369a1', 'About a delivery.'],
  return: ['#be123c', 'Something came back.'],
  invoice: ['#4d7c0f', 'About an invoice.'],
  urgent: ['#dc2626', 'Cannot wait.'],
} as const

/** What Meridian sells; the names are the same in every language. Prices in euros. */
export const products = [
  { name: 'Aroma 2', price: 189 },
  { name: 'Lumo L', price: 79 },
  { name: 'Terra 24', price: 54 },
  { name: 'Kiso', price: 320 },
  { name: 'Nordia', price: 145 },
  { name: 'Solea', price: 39 },
  { name: 'Vento Pro', price: 210 },
  { name: 'Miro', price: 24 },
] as const

export const followUpStatuses = ['to call', 'quote sent', 'negotiating', 'waiting for payment', 'won', 'lost'] as const
export const intents = ['first order', 'reorder', 'price enquiry', 'wholesale', 'complaint', 'partnership'] as const
export const sources = ['website', 'trade fair', 'referral', 'instagram ad', 'search', 'import'] as const

export const noteTexts = [
  'Asked for a discount before; see the quote of last month.',
  'Prefers to be called in the morning.',
  'Customs papers sent to the forwarder.',
  'Replacement approved, no need to send the old one back.',
  'Opening two more shops next year: keep close.',
  'Payment usually arrives late, but it arrives.',
  'Escalated to logistics, they answer by tomorrow.',
  'Please answer in their language, they do not read English.',
] as const
