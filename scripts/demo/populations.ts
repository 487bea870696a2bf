import type { AccountKey } from './accounts.ts'
import type { TeamKey, UnitKey } from './company.ts'
import type { LanguageKey } from './languages/index.ts'

/** Customers of one country and language. */
export interface Population {
  country: string
  language: LanguageKey
  /** Where the people's own tag is not that of the language's texts. */
  tag?: string
  unit: UnitKey
  team: TeamKey
  /** How many of them there are, relative to the others. */
  weight: number
  currency: string
  /** What a euro is in it, roughly. */
  rate: number
  timezone: string
  utcOffsetHours: number
  /** Town, postal code, ISO 3166-2. */
  towns: readonly (readonly [string, string, string])[]
  streets: readonly string[]
  /**
   * Numbers that are set aside for films and examples, "#" being any digit (Ofcom, ARCEP, Bundesnetzagentur, NANPA's
   * 555-01XX, ACMA). Left out where a country has none: then they are made from libphonenumber's example.
   */
  phones?: readonly string[]
  /** Where they write, and how often. */
  channels: Readonly<Partial<Record<AccountKey, number>>>
}

const europe = { unit: 'europe', currency: 'EUR', rate: 1 } as const
const central = { ...europe, team: 'central', utcOffsetHours: 1 } as const
const west = { ...europe, team: 'west', utcOffsetHours: 1 } as const
const middle = { ...europe, team: 'middle' } as const
const americas = { unit: 'americas', team: 'americas' } as const
const asia = { unit: 'asia' } as const

const european = { whatsappEurope: 5, mailEurope: 4, formEurope: 2, chatEurope: 2 }
const american = { whatsappAmericas: 3, mailAmericas: 4, messengerAmericas: 3, instagramAmericas: 2 }
const latin = { whatsappAmericas: 7, mailAmericas: 2, messengerAmericas: 2, instagramAmericas: 3 }

// biome-ignore format: a table is read by its columns
export const populations: readonly Population[] = [
  { ...central, country: 'DE', language: 'de', weight: 12, timezone: 'Europe/Berlin', channels: european,
    phones: ['+49176040690##', '+4917139200##', '+493023125###', '+494066969###', '+498999998###'],
    towns: [['Köln', '50667', 'DE-NW'], ['Hamburg', '20095', 'DE-HH'], ['München', '80331', 'DE-BY'], ['Leipzig', '04109', 'DE-SN']],
    streets: ['Hauptstraße', 'Gartenweg', 'Am Markt'] },
  { ...central, country: 'AT', language: 'de', tag: 'de-AT', weight: 3, timezone: 'Europe/Vienna', channels: european,
    towns: [['Wien', '1010', 'AT-9'], ['Graz', '8010', 'AT-6']], streets: ['Ringgasse', 'Marktplatz'] },
  { ...central, country: 'CH', language: 'de', tag: 'de-CH', weight: 3, currency: 'CHF', timezone: 'Europe/Zurich', channels: european,
    towns: [['Zürich', '8001', 'CH-ZH'], ['Bern', '3011', 'CH-BE']], streets: ['Seestrasse', 'Bahnhofstrasse'] },
  { ...central, country: 'PL', language: 'pl', weight: 6, currency: 'PLN', rate: 4.3, timezone: 'Europe/Warsaw', channels: european,
    towns: [['Kraków', '31-001', 'PL-12'], ['Gdańsk', '80-001', 'PL-22'], ['Łódź', '90-001', 'PL-10']], streets: ['ul. Długa', 'ul. Szkolna'] },
  { ...west, country: 'FR', language: 'fr', weight: 9, timezone: 'Europe/Paris', channels: european, phones: ['+3319900####', '+3346571####', '+3353649####'],
    towns: [['Lyon', '69001', 'FR-69'], ['Nantes', '44000', 'FR-44'], ['Paris', '75011', 'FR-75C']], streets: ['rue de la République', 'rue des Lilas'] },
  { ...west, country: 'BE', language: 'fr', tag: 'fr-BE', weight: 2, timezone: 'Europe/Brussels', channels: european,
    towns: [['Liège', '4000', 'BE-WLG'], ['Namur', '5000', 'BE-WNA']], streets: ['rue Neuve', 'avenue Louise'] },
  { ...west, country: 'IT', language: 'it', weight: 5, timezone: 'Europe/Rome', channels: european,
    towns: [['Torino', '10121', 'IT-TO'], ['Bologna', '40121', 'IT-BO']], streets: ['via Roma', 'via Garibaldi'] },
  { ...west, country: 'ES', language: 'es', weight: 5, timezone: 'Europe/Madrid', channels: european,
    towns: [['València', '46001', 'ES-V'], ['Sevilla', '41001', 'ES-SE']], streets: ['Calle Mayor', 'Calle del Sol'] },
  { ...west, country: 'GB', language: 'en', tag: 'en-GB', weight: 7, currency: 'GBP', rate: 0.86, timezone: 'Europe/London', utcOffsetHours: 0,
    channels: european, phones: ['+442079460###', '+441214960###', '+441314960###', '+441614960###'],
    towns: [['Leeds', 'LS1 1AA', 'GB-LDS'], ['Bristol', 'BS1 1AA', 'GB-BST'], ['Glasgow', 'G1 1AA', 'GB-GLG']], streets: ['High Street', 'Station Road'] },
  { ...west, country: 'GR', language: 'el', weight: 3, timezone: 'Europe/Athens', utcOffsetHours: 2, channels: european,
    towns: [['Αθήνα', '105 57', 'GR-I'], ['Θεσσαλονίκη', '546 24', 'GR-B']], streets: ['Ερμού', 'Τσιμισκή'] },
  { ...middle, country: 'TR', language: 'tr', weight: 5, currency: 'TRY', rate: 45, timezone: 'Europe/Istanbul', utcOffsetHours: 3,
    channels: { whatsappEurope: 7, mailEurope: 2, chatEurope: 1 },
    towns: [['İstanbul', '34000', 'TR-34'], ['İzmir', '35000', 'TR-35']], streets: ['Atatürk Caddesi', 'Çiçek Sokak'] },
  { ...middle, country: 'AE', language: 'ar', weight: 4, currency: 'AED', rate: 4, timezone: 'Asia/Dubai', utcOffsetHours: 4,
    channels: { whatsappEurope: 8, mailEurope: 2 }, towns: [['دبي', '00000', 'AE-DU'], ['أبوظبي', '00000', 'AE-AZ']], streets: ['شارع الشيخ زايد'] },
  { ...middle, country: 'SA', language: 'ar', weight: 3, currency: 'SAR', rate: 4.1, timezone: 'Asia/Riyadh', utcOffsetHours: 3,
    channels: { whatsappEurope: 8, mailEurope: 2 }, towns: [['الرياض', '12211', 'SA-01'], ['جدة', '21411', 'SA-02']], streets: ['طريق الملك فهد'] },
  { ...middle, country: 'EG', language: 'ar', weight: 2, currency: 'EGP', rate: 52, timezone: 'Africa/Cairo', utcOffsetHours: 2,
    channels: { whatsappEurope: 7, telegramEurope: 2, mailEurope: 1 }, towns: [['القاهرة', '11511', 'EG-C']], streets: ['شارع التحرير'] },
  { ...middle, country: 'KZ', language: 'ru', weight: 4, currency: 'KZT', rate: 560, timezone: 'Asia/Almaty', utcOffsetHours: 5,
    channels: { telegramEurope: 7, mailEurope: 3 }, towns: [['Алматы', '050000', 'KZ-75'], ['Астана', '010000', 'KZ-71']], streets: ['улица Абая', 'проспект Республики'] },
  { ...americas, country: 'US', language: 'en', tag: 'en-US', weight: 10, currency: 'USD', rate: 1.1, timezone: 'America/New_York', utcOffsetHours: -5,
    channels: american, phones: ['+121255501##', '+131055501##', '+131255501##', '+161755501##', '+120655501##', '+140455501##'],
    towns: [['Brooklyn', '11201', 'US-NY'], ['Chicago', '60601', 'US-IL'], ['Sacramento', '95814', 'US-CA'], ['Austin', '78701', 'US-TX']], streets: ['Main Street', 'Oak Avenue'] },
  { ...americas, country: 'CA', language: 'fr', tag: 'fr-CA', weight: 2, currency: 'CAD', rate: 1.5, timezone: 'America/Toronto', utcOffsetHours: -5,
    channels: american, phones: ['+151455501##', '+141855501##'], towns: [['Montréal', 'H2X 1A1', 'CA-QC']], streets: ['rue Saint-Denis'] },
  { ...americas, country: 'MX', language: 'es', tag: 'es-MX', weight: 6, currency: 'MXN', rate: 20, timezone: 'America/Mexico_City', utcOffsetHours: -6,
    channels: latin, towns: [['Guadalajara', '44100', 'MX-JAL'], ['Puebla', '72000', 'MX-PUE']], streets: ['Avenida Juárez', 'Calle Hidalgo'] },
  { ...americas, country: 'BR', language: 'pt', weight: 9, currency: 'BRL', rate: 6, timezone: 'America/Sao_Paulo', utcOffsetHours: -3,
    channels: latin, towns: [['São Paulo', '01000-000', 'BR-SP'], ['Florianópolis', '88000-000', 'BR-SC'], ['Recife', '50000-000', 'BR-PE']], streets: ['Rua das Flores', 'Avenida Brasil'] },
  { ...americas, country: 'AR', language: 'es', tag: 'es-AR', weight: 3, currency: 'ARS', rate: 1500, timezone: 'America/Argentina/Buenos_Aires', utcOffsetHours: -3,
    channels: latin, towns: [['Córdoba', 'X5000', 'AR-X'], ['Rosario', 'S2000', 'AR-S']], streets: ['Avenida San Martín'] },
  { ...americas, country: 'CO', language: 'es', tag: 'es-CO', weight: 2, currency: 'COP', rate: 4500, timezone: 'America/Bogota', utcOffsetHours: -5,
    channels: latin, towns: [['Medellín', '050001', 'CO-ANT']], streets: ['Carrera 7'] },
  { ...asia, team: 'east', country: 'CN', language: 'zh', weight: 8, currency: 'CNY', rate: 7.8, timezone: 'Asia/Shanghai', utcOffsetHours: 8,
    channels: { wechat: 8, mailAsia: 2 }, towns: [['上海市', '200000', 'CN-SH'], ['深圳市', '518000', 'CN-GD'], ['成都市', '610000', 'CN-SC']], streets: ['人民路', '中山路'] },
  { ...asia, team: 'east', country: 'JP', language: 'ja', weight: 8, currency: 'JPY', rate: 165, timezone: 'Asia/Tokyo', utcOffsetHours: 9,
    channels: { lineJapan: 7, mailAsia: 3 }, towns: [['東京都渋谷区', '150-0001', 'JP-13'], ['大阪市北区', '530-0001', 'JP-27']], streets: ['中央', '本町'] },
  { ...asia, team: 'east', country: 'KR', language: 'ko', weight: 5, currency: 'KRW', rate: 1500, timezone: 'Asia/Seoul', utcOffsetHours: 9,
    channels: { kakao: 8, mailAsia: 2 }, towns: [['서울특별시', '04524', 'KR-11'], ['부산광역시', '48058', 'KR-26']], streets: ['세종대로', '중앙로'] },
  { ...asia, team: 'south', country: 'TH', language: 'th', weight: 5, currency: 'THB', rate: 38, timezone: 'Asia/Bangkok', utcOffsetHours: 7,
    channels: { lineThailand: 8, mailAsia: 1 }, towns: [['กรุงเทพมหานคร', '10110', 'TH-10'], ['เชียงใหม่', '50200', 'TH-50']], streets: ['ถนนสุขุมวิท', 'ถนนนิมมานเหมินท์'] },
  { ...asia, team: 'south', country: 'VN', language: 'vi', weight: 5, currency: 'VND', rate: 28000, timezone: 'Asia/Ho_Chi_Minh', utcOffsetHours: 7,
    channels: { zalo: 7, mailAsia: 1, whatsappAsia: 1 }, towns: [['Hà Nội', '100000', 'VN-HN'], ['Đà Nẵng', '550000', 'VN-DN']], streets: ['đường Lê Lợi', 'phố Huế'] },
  { ...asia, team: 'south', country: 'IN', language: 'hi', weight: 5, currency: 'INR', rate: 95, timezone: 'Asia/Kolkata', utcOffsetHours: 5.5,
    channels: { whatsappAsia: 8, mailAsia: 2 }, towns: [['जयपुर', '302001', 'IN-RJ'], ['दिल्ली', '110001', 'IN-DL']], streets: ['महात्मा गांधी मार्ग'] },
  { ...asia, team: 'south', country: 'SG', language: 'en', tag: 'en-SG', weight: 2, currency: 'SGD', rate: 1.5, timezone: 'Asia/Singapore', utcOffsetHours: 8,
    channels: { whatsappAsia: 6, mailAsia: 4 }, towns: [['Singapore', '018956', 'SG-01']], streets: ['Orchard Road'] },
  { ...asia, team: 'south', country: 'AU', language: 'en', tag: 'en-AU', weight: 3, currency: 'AUD', rate: 1.7, timezone: 'Australia/Sydney', utcOffsetHours: 10,
    channels: { whatsappAsia: 4, mailAsia: 6 }, phones: ['+61491570###'], towns: [['Sydney', '2000', 'AU-NSW'], ['Melbourne', '3000', 'AU-VIC']], streets: ['George Street'] },
]
