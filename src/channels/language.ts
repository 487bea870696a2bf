/** A provider's language tag as BCP 47 writes it ("pt-br", "zh_Hant" → "pt-BR", "zh-Hant"); undefined where it is none. */
export function languageOf(tag: string | undefined): string | undefined {
  if (tag === undefined || tag.length > 35) return undefined
  try {
    return Intl.getCanonicalLocales(tag.replaceAll('_', '-'))[0]
  } catch {
    return undefined
  }
}
