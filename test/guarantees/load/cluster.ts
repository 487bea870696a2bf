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
    this.#rememberArgs()
    await this.#control('stop', '-m', mode, '-w')
  }

  /** What the system does when memory runs out or the power goes: nobody gets to say or write anything more. */
  async kill(): Promise<void> {
    this.#rememberArgs()
    const [first = ''] = readFileSync(join(this.#folder, 'postmaster.pid'), 'utf8').split('\n')
    const postmaster = Number(first)
    if (!(postmaster > 1)) throw new Error('the cluster does not run')
    // So that it starts no other meanwhile, which would outlive it and keep its memory.
    signal(postmaster, 'SIGSTOP')
    const pids = [postmaster, ...(await childrenOf(postmaster))]
    for (const pid of pids) signal(pid, 'SIGKILL')
    while (pids.some((pid) => signal(pid, 0))) await sleep(20)
  }

  /** As it was started, port and all: "program" "argument" … */
  #rememberArgs(): void {
    const line = readFileSync(join(this.#folder, 'postmaster.opts'), 'utf8')
    this.#args = [...line.matchAll(/"([^"]*)"/g)].flatMap((match) => match[1] ?? [])
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

async function childrenOf(parent: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,stat='])
  return stdout.split('\n').flatMap((line) => {
    const [pid, ppid] = line.trim().split(/\s+/).map(Number)
    return ppid === parent && pid !== undefined ? [pid] : []
  })
}

/** @returns whether there was such a process; one that has ended and waits for its parent is none any more */
function signal(pid: number, name: 'SIGKILL' | 'SIGSTOP' | 0): boolean {
  try {
    process.kill(pid, name)
    return !isZombie(pid)
  } catch {
    return false
  }
}

function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
