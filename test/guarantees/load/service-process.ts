import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type EmbeddedServer, startEmbedded } from '../../../src/db/embedded.ts'

export const ownerPassword = 'owner-password-1'

/**
 * The whole service as a person starts it, in a process of its own on an embedded PostgreSQL of its own, which lives on
 * when the service is killed.
 */
export class ServiceProcess {
  readonly url: string
  readonly dataDir: string
  readonly database: EmbeddedServer
  readonly #env: Record<string, string>
  #child: ChildProcess | null = null
  /** The end of what it has said on standard error. */
  said = ''

  private constructor(url: string, dataDir: string, database: EmbeddedServer, env: Record<string, string>) {
    this.url = url
    this.dataDir = dataDir
    this.database = database
    this.#env = env
  }

  static async create(env: Record<string, string> = {}): Promise<ServiceProcess> {
    const dataDir = mkdtempSync(join(tmpdir(), 'custodia-load-'))
    // Root's PostgreSQL runs as another user, who must be able to enter.
    chmodSync(dataDir, 0o711)
    const port = await freePort()
    const database = await startEmbedded({ dataDir, log: { info: () => {}, warn: console.error } })
    return new ServiceProcess(`http://127.0.0.1:${port}`, dataDir, database, {
      PATH: process.env.PATH ?? '',
      DATA_DIR: dataDir,
      PORT: String(port),
      OWNER_PASSWORD: ownerPassword,
      MASTER_KEY: randomBytes(32).toString('base64'),
      RATE_LIMIT_PER_MINUTE: '0',
      OUTBOUND_ALLOW_PRIVATE: 'true',
      LOG_LEVEL: 'error',
      LOG_PRETTY: 'false',
      ...env,
    })
  }

  get isAlive(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Starts it and waits until it is ready. @returns after how many milliseconds */
  async start(timeoutMs = 60_000): Promise<number> {
    const begun = performance.now()
    const flags = ['--max-semi-space-size=4', '--max-old-space-size=128']
    const child = spawn(process.execPath, [...flags, join(import.meta.dirname, '../../../src/main.ts')], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const hear = (chunk: Buffer): void => {
      this.said = (this.said + chunk.toString()).slice(-20_000)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    this.#child = child
    while (performance.now() - begun < timeoutMs) {
      if (!this.isAlive) throw new Error(`the service ended by itself: ${this.said}`)
      if ((await this.readiness()) === 200) return performance.now() - begun
      await sleep(50)
    }
    throw new Error(`the service was not ready within ${timeoutMs} ms: ${this.said}`)
  }

  /** Runs a script of the project beside it, with its settings. @returns its exit code and what it said */
  async script(name: string): Promise<{ code: number | null; said: string }> {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../../scripts', name)], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const output of [child.stdout, child.stderr])
      output.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
    await once(child, 'close')
    return { code: child.exitCode, said }
  }

  /** What /health/ready answers; 0 where nobody does. */
  async readiness(): Promise<number> {
    try {
      const answer = await fetch(`${this.url}/health/ready`, { signal: AbortSignal.timeout(5_000) })
      await answer.arrayBuffer()
      return answer.status
    } catch {
      return 0
    }
  }

  /** Without a chance to do anything more. */
  async kill(): Promise<void> {
    if (!this.#child || !this.isAlive) throw new Error(`the service ended by itself: ${this.said}`)
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  /** Asks it to stop. @returns its exit code; null where it had to be killed */
  async stop(): Promise<number | null> {
    const child = this.#child
    if (!child || !this.isAlive) return null
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), 40_000)
    await gone
    clearTimeout(patience)
    return child.exitCode
  }

  /** Ends everything and removes its folder. */
  async end(): Promise<void> {
    await this.stop()
    await this.database.stop()
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** One port for all starts: clients keep their address. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
