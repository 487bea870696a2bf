/**
 * How many cases a generated test tries: FULL=1 tries as many as its long form asks for; MUTATION=1, which
 * scripts/mutation.ts sets, a fiftieth of the usual or what
 * `few` says, since it runs the test once for each of some thousand mutants.
 */
export function sized(usual: number, full = usual, few = Math.ceil(usual / 50)): number {
  if (process.env.FULL) return full
  return process.env.MUTATION ? few : usual
}
