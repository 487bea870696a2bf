/** Says how far a long work is: a bar on a terminal, a line per step elsewhere. On standard error. */
export class Progress {
  readonly #total: number
  readonly #isTerminal = process.stderr.isTTY === true
  #done = 0
  #label = ''
  #shown = 0

  /** @param total the steps of all the work */
  constructor(total: number) {
    this.#total = total
  }

  begin(label: string): void {
    this.#label = label
    if (this.#isTerminal) this.#draw()
    else process.stderr.write(`${label} …\n`)
  }

  advance(steps: number): void {
    this.#done += steps
    if (this.#isTerminal && Date.now() - this.#shown > 50) this.#draw()
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#isTerminal) process.stderr.write('\r\u001B[K')
  }

  #draw(): void {
    this.#shown = Date.now()
    const share = Math.min(1, this.#done / this.#total)
    const bar = '█'.repeat(Math.round(share * 30)).padEnd(30, '░')
    process.stderr.write(`\r\u001B[K${bar} ${String(Math.round(share * 100)).padStart(3)} %  ${this.#label}`)
  }
}
