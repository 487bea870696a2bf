import type { UnitKey } from './company.ts'

/** What a channel of the demo company is, and under which kind of address its customers are known there. */
export interface Account {
  type: 'whatsapp' | 'messenger' | 'instagram' | 'line' | 'telegram' | 'email' | 'form' | 'webchat' | 'connector'
  name: string
  unit: UnitKey
  /** As in the contract. Every provider's address is in a domain that is reserved: nothing ever leaves for a real one. */
  settings: Readonly<Record<string, unknown>>
  /** The settings that are secrets. */
  secrets: readonly string[]
}

const api = (name: string): string => `https://${name}.api.example.com`
const meta = ['appSecret', 'verifyToken', 'accessToken']
const demoMeta = (name: string) => ({
  appSecret: `demo-${name}-app-secret`,
  verifyToken: `demo-${name}-verify-token`,
  accessToken: `demo-${name}-access-token`,
  apiBaseUrl: api('graph'),
})
const demoMail = (address: string) => ({ address, inbound: { kind: 'raw', secret: `demo-secret-of-${address}` } })

/** One real account each: WhatsApp numbers, mailboxes, bridges to what the hub does not speak itself. */
export const accounts = {
  whatsappEurope: whatsapp('europe', 'WhatsApp Europe', '100200300400501'),
  whatsappAmericas: whatsapp('americas', 'WhatsApp Americas', '100200300400502'),
  whatsappAsia: whatsapp('asia', 'WhatsApp Asia', '100200300400503'),
  mailEurope: mail('europe', 'Mailbox Europe', 'hello@europe.meridian.example.com'),
  mailAmericas: mail('americas', 'Mailbox Americas', 'hello@americas.meridian.example.com'),
  mailAsia: mail('asia', 'Mailbox Asia', 'hello@asia.meridian.example.com'),
  formEurope: {
    type: 'form',
    name: 'Contact form',
    unit: 'europe',
    settings: { kind: 'html', signingSecret: 'demo-form-secret', allowedOrigins: ['https://shop.example.com'] },
    secrets: ['signingSecret'],
  },
  chatEurope: {
    type: 'webchat',
    name: 'Shop chat',
    unit: 'europe',
    settings: { signingSecret: 'demo-webchat-secret', allowedOrigins: ['https://shop.example.com'] },
    secrets: ['signingSecret'],
  },
  telegramEurope: {
    type: 'telegram',
    name: 'Telegram',
    unit: 'europe',
    settings: { botToken: '100200300:demo', secretToken: 'demo-telegram-secret', apiBaseUrl: api('telegram') },
    secrets: ['botToken', 'secretToken'],
  },
  messengerAmericas: {
    type: 'messenger',
    name: 'Facebook page',
    unit: 'americas',
    settings: { pageId: '200300400500601', ...demoMeta('messenger') },
    secrets: meta,
  },
  instagramAmericas: {
    type: 'instagram',
    name: 'Instagram',
    unit: 'americas',
    settings: { accountId: '300400500600701', ...demoMeta('instagram') },
    secrets: meta,
  },
  lineJapan: line('LINE Japan'),
  lineThailand: line('LINE Thailand'),
  wechat: bridge('WeChat bridge'),
  kakao: bridge('KakaoTalk bridge'),
  zalo: bridge('Zalo bridge'),
} as const satisfies Record<string, Account>

export type AccountKey = keyof typeof accounts

function whatsapp(unit: UnitKey, name: string, phoneNumberId: string): Account {
  return { type: 'whatsapp', name, unit, settings: { phoneNumberId, ...demoMeta(phoneNumberId) }, secrets: meta }
}

function mail(unit: UnitKey, name: string, address: string): Account {
  return { type: 'email', name, unit, settings: demoMail(address), secrets: ['inbound.secret'] }
}

function line(name: string): Account {
  return {
    type: 'line',
    name,
    unit: 'asia',
    settings: {
      channelSecret: `demo secret of ${name}`,
      channelAccessToken: `demo token of ${name}`,
      apiBaseUrl: api('line'),
      dataApiBaseUrl: api('line-data'),
    },
    secrets: ['channelSecret', 'channelAccessToken'],
  }
}

function bridge(name: string): Account {
  return {
    type: 'connector',
    name,
    unit: 'asia',
    settings: { outboundUrl: `${api('bridge')}/outbound` },
    secrets: ['secret'],
  }
}
