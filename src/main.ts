import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError, parseConfig } from './config.ts'
import { EmbeddedError } from './db/embedded.ts'
import { createLog } from './log.ts'
import { startService } from './start.ts'

// The only reader of the environment and the only place that ends the process.
const projectDir = join(import.meta.dirname, '..')

try {
  const config = parseConfig(process.env, projectDir)
  const log = createLog(config, process.stdout.isTTY)
  const starting = startService(config, log, pathToFileURL(join(projectDir, 'migrations/')))
  let stopping = false
  // From the first moment on: as process 1 of a container, node ignores a signal that nobody listens to.
  // Under npm, Ctrl-C arrives twice: the second must not cut the drain short.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) return
      stopping = true
      log.info({ signal }, 'stopping')
      const deadline = setTimeout(() => process.exit(1), config.shutdownTimeoutSeconds * 1000)
      starting
        .then((service) => service.stop())
        .then(
          () => {
            clearTimeout(deadline)
            process.exit(0)
          },
          (error: unknown) => {
            log.error({ err: error }, 'the stop failed')
            process.exit(1)
          },
        )
    })
  await starting
} catch (error) {
  if (error instanceof ConfigError) for (const line of error.lines) console.error(line)
  else if (error instanceof EmbeddedError) console.error(error.message)
  else console.error(error)
  process.exit(1)
}
