/** An answer without the history below (or above) it. */
export interface Folded {
  text: string
  /** what was said before, as the sender's program quoted it */
  quoted?: string
}

/** A line of attribution may be broken into so many. */
const ATTRIBUTION_LINES_MAX = 4
const ATTRIBUTION_LENGTH_MAX = 400
/** Below this line nobody looks for the beginning of history. */
const LINES_MAX = 5_000

/**
 * The last word of "On …, … wrote:" in the languages of mail programs, before an optional colon. Each pattern is tried on
 * one short line and is anchored at its end, so that none takes more than linear time.
 */
const WROTE =
  /(?:\bwrote|\bwrites|\bschrieb|\bschrieb am .{1,80}|a écrit|escribió|escreveu|ha scritto|scrisse|\bschreef|geschreven|\bskrev|kirjoitti|napisał\(?a?\)?|napisał|написала?|написал\(а\)|пишет|yazdı|yazmış|şunları yazdı|a scris|írta|napsal\(?a?\)?|napsal|έγραψε|schrieb folgendes|viết|menulis|เขียน(?:ว่า)?|님이 작성|작성|写道|寫道|のメッセージ|書きました|wrote the following|كتب(?:ت)?|כתב(?:ה)?)\s*[:：]\s*$/iu

/** "On Tue, …" begins so; with nothing but the name before the verb it is an attribution only above a quote. */
const ON =
  /^(?:>\s*)?(?:On|Am|Le|El|Il giorno|Il|Em|A|Op|Den|Dne|Dnia|W dniu|În|Pe|Στις|Vào|Pada|On\b.{0,3}|\d{4}[-/年.]|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)/iu

/** Outlook and its kin: a rule, or the header of what is quoted. */
const ORIGINAL =
  /^[-_*\s]{2,}\s*(?:Original Message|Forwarded message|Original-Nachricht|Ursprüngliche Nachricht|Weitergeleitete Nachricht|Message d'origine|Message transféré|Mensaje original|Mensagem original|Messaggio originale|Oorspronkelijk bericht|Ursprungligt meddelande|Oprindelig meddelelse|Alkuperäinen viesti|Исходное сообщение|Wiadomość oryginalna|原始邮件|原始郵件|元のメッセージ|원본 메시지)\s*[-_*\s]{2,}$/iu
const FROM_FIELD =
  /^\*?(?:From|Von|De|Da|Van|Från|Fra|Lähettäjä|Od|От|发件人|寄件者|寄件人|差出人|보낸 사람|Kimden|Feladó|Expéditeur)\*?\s*[:：]\s*\*?\s*\S/iu
const OTHER_FIELD =
  /^\*?(?:Sent|Date|To|Subject|Cc|Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviado(?: el)?|Para|Asunto|Assunto|Inviato|Data|A|Oggetto|Verzonden|Aan|Onderwerp|Skickat|Till|Ämne|Sendt|Til|Emne|Lähetetty|Vastaanottaja|Aihe|Wysłano|Do|Temat|Отправлено|Кому|Тема|发送时间|收件人|主题|寄件日期|收件者|主旨|送信日時|宛先|件名|보낸 날짜|받는 사람|제목|Gönderme Tarihi|Kime|Konu)\*?\s*[:：]/iu
const RULE = /^_{20,}$/

/**
 * Folds away what an answer quotes: everything from an attribution, a header or a rule down, where nothing new follows;
 * or the quote on top, where the answer stands below it. Answers between the lines of a quote stay as they are: they mean
 * nothing without it. Nothing is lost: `text` and `quoted` together are the mail.
 */
export function folded(whole: string): Folded {
  const lines = whole.split('\n')
  const below = foldPoint(lines)
  if (below !== undefined && below > 0) {
    const text = lines.slice(0, below).join('\n').trim()
    // A forward without a word of one's own is what it forwards.
    if (text !== '') return { text, quoted: lines.slice(below).join('\n').trim() }
  }
  const above = quoteOnTop(lines)
  if (above === undefined) return { text: whole.trim() }
  return { text: lines.slice(above).join('\n').trim(), quoted: lines.slice(0, above).join('\n').trim() }
}

const isQuoted = (line: string): boolean => /^\s{0,3}[>|]/.test(line)
const isBlank = (line: string): boolean => line.trim() === ''

/** The line at which history begins, to the end of the mail. */
function foldPoint(lines: readonly string[]): number | undefined {
  // From which line on there is nothing but quotes and blanks.
  let tail = lines.length
  while (tail > 0 && (isQuoted(lines[tail - 1] ?? '') || isBlank(lines[tail - 1] ?? ''))) tail -= 1
  for (let at = 0; at < Math.min(lines.length, LINES_MAX); at += 1) {
    const line = lines[at] ?? ''
    if (isBlank(line) || line.length > ATTRIBUTION_LENGTH_MAX) continue
    if (isQuoted(line)) {
      if (at >= tail) return at
      continue
    }
    if (ORIGINAL.test(line.trim())) return at
    if (isHeaderBlock(lines, at)) return at > 0 && isRuleAbove(lines, at) ? ruleAbove(lines, at) : at
    const length = attributionLines(lines, at)
    if (length === 0) continue
    const after = at + length
    // Above a quote that answers are written into, it is part of the talk.
    if (after >= tail || !hasQuote(lines, after)) return at
  }
  return undefined
}

/** How many lines a line of attribution takes from here; 0: there is none. */
function attributionLines(lines: readonly string[], at: number): number {
  let text = ''
  for (let length = 1; length <= ATTRIBUTION_LINES_MAX; length += 1) {
    const line = lines[at + length - 1]
    if (line === undefined || isBlank(line)) return 0
    text = `${text} ${line.trim()}`.trim()
    if (text.length > ATTRIBUTION_LENGTH_MAX) return 0
    if (!WROTE.test(text)) continue
    const next = lines.slice(at + length, at + length + 3).find((one) => !isBlank(one))
    const isAboveQuote = next !== undefined && isQuoted(next)
    const isDated = ON.test(text) && /\d/.test(text)
    return (length === 1 && isAboveQuote) || isDated ? length : 0
  }
  return 0
}

/** "From: … Sent: … Subject: …", at least three of them in five lines. */
function isHeaderBlock(lines: readonly string[], at: number): boolean {
  if (!FROM_FIELD.test((lines[at] ?? '').trim())) return false
  const next = lines.slice(at + 1, at + 6).filter((line) => line.length < ATTRIBUTION_LENGTH_MAX)
  return next.filter((line) => OTHER_FIELD.test(line.trim())).length >= 2
}

const ruleAbove = (lines: readonly string[], at: number): number => (isBlank(lines[at - 1] ?? '') ? at - 2 : at - 1)

function isRuleAbove(lines: readonly string[], at: number): boolean {
  const line = lines[ruleAbove(lines, at)]
  return line !== undefined && RULE.test(line.trim())
}

function hasQuote(lines: readonly string[], at: number): boolean {
  return lines.slice(at, at + 50).some(isQuoted)
}

/** Where the answer begins below the one quote of a mail; undefined where it is mixed, or there is none. */
function quoteOnTop(lines: readonly string[]): number | undefined {
  const first = lines.findIndex(isQuoted)
  if (first === -1) return undefined
  const above = lines.slice(0, first).filter((line) => !isBlank(line))
  const attribution =
    above.length > 0 &&
    above.length <= ATTRIBUTION_LINES_MAX &&
    WROTE.test(above.join(' ').slice(-ATTRIBUTION_LENGTH_MAX))
  if (above.length > 0 && !attribution) return undefined
  const end = lines.findIndex((line, at) => at > first && !isQuoted(line) && !isBlank(line))
  return end === -1 || lines.slice(end).some(isQuoted) ? undefined : end
}
