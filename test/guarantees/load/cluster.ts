import { execFile, spawn } from 'node:child_process'
import { openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { embeddedBinDir } from '../../../src/db/embedded.ts'

const run = promisify(execFile)

/** The embedded PostgreSQL as its administrator handles it: with the tools of PostgreSQL, behind the service's back. */
export class Cluster {
  readonly #folder: string
  readonly #log: string
  readonly #as: { uid?: number; gid?: number }
  #args: string[] = []

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'postgres/cluster')
    this.#log = join(dataDir, 'postgres/server.log')
    const { uid, gid } = statSync(this.#folder)
    this.#as = process.getuid?.() === 0 ? { uid, gid } : {}
  }

  /** `immediate` is what a crash looks like: no goodbye, and the next start recovers. */
  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    // As it was started, port and all: "program" "argument" …
    const line = readFileSync(join(this.#folder, 'postmaster.opts'), 'utf8')
    this.#args = [...line.matchAll(/"([^"]*)"/g)].flatMap((match) => match[1] ?? [])
    await this.#control('stop', '-m', mode, '-w')
  }

  start(): void {
    const output = openSync(this.#log, 'a')
    const options = { ...this.#as, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' }, cwd: '/' }
    const child = spawn(join(embeddedBinDir(), 'postgres'), this.#args, {
      ...options,
      detached: true,
      stdio: ['ignore', output, output],
    })
    child.unref()
  }

  /** Stops whatever runs there, also one that the service does not know. */
  async end(): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const isDown = await this.#control('stop', '-m', 'fast', '-w').then(
        () => true,
        (error: unknown) => /no server running|PID file .* does not exist/.test(String(error)),
      )
      if (isDown) return
      await sleep(100)
    }
  }

  async #control(...args: string[]): Promise<void> {
    await run(join(embeddedBinDir(), 'pg_ctl'), ['-D', this.#folder, ...args], { ...this.#as, cwd: '/' })
  }
}
