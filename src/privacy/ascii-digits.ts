/** Digits of all scripts as ASCII; Unicode has them in tens, zero first. */
export function asciiDigits(text: string): string {
  if (/^\d*$/.test(text)) return text
  return text.replaceAll(/\p{Nd}/gu, (digit) => {
    const code = digit.codePointAt(0) ?? 0
    let zero = code
    while (code - zero < 49 && /^\p{Nd}$/u.test(String.fromCodePoint(zero - 1))) zero--
    return String((code - zero) % 10)
  })
}
