/** As much of Stryker's JSON report (mutation-testing-report-schema) as is read here. */
export interface Report {
  files: Readonly<Record<string, { source: string; mutants: readonly Mutant[] }>>
}

interface Mutant {
  mutatorName: string
  replacement?: string
  status: 'Killed' | 'Timeout' | 'Survived' | 'NoCoverage' | 'CompileError' | 'RuntimeError' | 'Ignored' | 'Pending'
  statusReason?: string
  location: { start: Place; end: Place }
}

interface Place {
  line: number
  column: number
}

/** What a run found: `text` lists what survived, `said` counts in one line; `score` is in per cent. */
export interface Summary {
  text: string
  said: string
  score: number
  isExplained: boolean
}

/**
 * Lists the survivors with their reasons. A reason belongs to a change, wherever its line moves: to "file: line => what
 * stands there instead", with what was changed of the line between ⟦ and ⟧.
 */
export function summarise({ files }: Report, reasons: Readonly<Record<string, string>>): Summary {
  const counts = new Map<string, number>()
  const lines: string[] = []
  let isExplained = true
  for (const [file, { source, mutants }] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const rows = source.split('\n')
    // Those at one place by what stands there instead: their order in the report is another one each time.
    const inOrder = [...mutants].sort(
      (a, b) =>
        a.location.start.line - b.location.start.line ||
        a.location.start.column - b.location.start.column ||
        ((a.replacement ?? '') < (b.replacement ?? '') ? -1 : 1),
    )
    for (const mutant of inOrder) {
      counts.set(mutant.status, (counts.get(mutant.status) ?? 0) + 1)
      if (mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') continue
      const key = `${file}: ${short(textOf(rows, mutant))} => ${short(mutant.replacement ?? '')}`
      const reason = reasons[key]
      isExplained &&= reason !== undefined
      lines.push(`${key}\n    ${reason ?? 'WITHOUT A REASON'}`)
    }
  }
  const count = (status: string): number => counts.get(status) ?? 0
  const [killed, timedOut] = [count('Killed'), count('Timeout')]
  const survived = count('Survived') + count('NoCoverage')
  const all = killed + timedOut + survived
  const score = all === 0 ? 0 : ((killed + timedOut) / all) * 100
  const said = `${all} mutants: ${killed} killed, ${timedOut} timed out, ${survived} survived; ${score.toFixed(1)} % noticed`
  const others = [...counts].filter(([status]) => !['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(status))
  const apart = others.map(([status, n]) => `; ${n} ${status}, not counted`).join('')
  return { text: `${said}${apart}\n\n${lines.join('\n')}\n`, said: said + apart, score, isExplained }
}

const short = (text: string): string => text.replaceAll(/\s+/g, ' ').trim().slice(0, 240)

/** What was changed, and the line around it where that is part of one line. */
function textOf(rows: readonly string[], { location: { start, end } }: Mutant): string {
  const lines = rows.slice(start.line - 1, end.line)
  const [first = ''] = lines
  if (lines.length === 1)
    return `${first.slice(0, start.column - 1)}⟦${first.slice(start.column - 1, end.column - 1)}⟧${first.slice(end.column - 1)}`
  return [first.slice(start.column - 1), ...lines.slice(1)].join('\n')
}
