const ourPrefixes =
  /^(ALLOWED|ATTACHMENT|AUDIT|CHECKPOINT|CUSTODIA|DATABASE|LOG|MASTER|METRICS|OUTBOUND|OWNER|RATE_LIMIT|SHUTDOWN|TENANT|TRUSTED|WORKER)_/

// Kubernetes describes every service of the namespace to every container by such variables, so a neighbour that is
// called "custodia" or "database" would stop the start; systemd sets the last one.
const notOurs =
  /^\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?)=|^\w+_PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?=|=(tcp|udp):)|^LOG_NAMESPACE=/

/**
 * Names in the environment that begin like ours and are none.
 * @returns a sentence for each, with the setting that was probably meant
 */
export function unknownNames(env: Record<string, string | undefined>, settingNames: readonly string[]): string[] {
  return Object.entries(env)
    .filter(([name, value]) => value && ourPrefixes.test(name) && !notOurs.test(`${name}=${value}`))
    .filter(([name]) => !settingNames.includes(name))
    .map(([name]) => {
      const steps = (known: string) => editSteps(name, known)
      const nearest = settingNames.reduce((best, known) => (steps(known) < steps(best) ? known : best))
      const close = steps(nearest) <= Math.max(2, name.length / 3)
      return `${name} is not a setting; ${close ? `did you mean ${nearest}?` : 'remove it.'}`
    })
}

/** Levenshtein's distance: insertions, deletions and replacements from one text to the other. */
function editSteps(from: string, to: string): number {
  let row = [...Array(to.length + 1).keys()]
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (const [at, other] of [...to].entries()) {
      const [left = 0, above = 0, corner = 0] = [next[at], row[at + 1], row[at]]
      next.push(Math.min(left + 1, above + 1, corner + (letter === other ? 0 : 1)))
    }
    row = next
  }
  return row[to.length] ?? 0
}
