/** Languages in which forms name countries; what is not found stays as it was given. */
const languages = [
  'en',
  'de',
  'fr',
  'es',
  'it',
  'pt',
  'nl',
  'pl',
  'cs',
  'sv',
  'da',
  'nb',
  'fi',
  'tr',
  'el',
  'ru',
  'uk',
  'ar',
  'he',
  'hi',
  'th',
  'vi',
  'id',
  'zh',
  'zh-Hant',
  'ja',
  'ko',
]

/** The codes that are assigned, as the language data knows them. */
const codes: ReadonlySet<string> = new Set(assigned())

function assigned(): string[] {
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']
  // Beside countries it names user-assigned and exceptional codes.
  const others = new Set([
    'AC',
    'CP',
    'CQ',
    'DG',
    'EA',
    'EU',
    'EZ',
    'IC',
    'QO',
    'TA',
    'UN',
    'XA',
    'XB',
    'ZZ',
    'UK',
    'SU',
    'FX',
    'DD',
    'YU',
    'AN',
    'BU',
    'CS',
    'NT',
    'TP',
    'VD',
    'YD',
    'ZR',
    'HV',
    'DY',
    'NH',
    'RH',
  ])
  return letters
    .flatMap((first) => letters.map((second) => first + second))
    .filter((code) => !others.has(code) && names.of(code) !== undefined)
}

let byName: ReadonlyMap<string, string> | undefined

/** Whether a text is an ISO 3166-1 alpha-2 code, in capitals. */
export const isCountry = (text: string): boolean => codes.has(text)

/**
 * The country that somebody chose or typed, as ISO 3166-1 alpha-2: a code, or a name in one of the usual languages.
 * @returns undefined for what is neither
 */
export function countryOf(text: string): string | undefined {
  const given = text.trim()
  const code = given.toUpperCase()
  if (isCountry(code)) return code
  if (code === 'UK') return 'GB'
  byName ??= namesOfCountries()
  return byName.get(plain(given))
}

function namesOfCountries(): Map<string, string> {
  const names = new Map<string, string>([
    ['usa', 'US'],
    ['america', 'US'],
    ['england', 'GB'],
    ['scotland', 'GB'],
    ['wales', 'GB'],
    ['holland', 'NL'],
    ['czechrepublic', 'CZ'],
    ['korea', 'KR'],
    ['brd', 'DE'],
  ])
  for (const language of languages) {
    const display = new Intl.DisplayNames(language, { type: 'region', fallback: 'none' })
    for (const code of codes) {
      const name = plain(display.of(code) ?? '')
      if (name !== '' && !names.has(name)) names.set(name, code)
    }
  }
  return names
}

function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
    .toLowerCase()
}
