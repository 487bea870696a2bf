import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SealedEventsLost } from './audit/start-check.ts'
import { ConfigError, parseConfig } from './config.ts'
import { EmbeddedError } from './db/embedded.ts'
import { createLog, errorFields } from './log.ts'
import { startService } from './start.ts'

// The only reader of the environment and the only place that ends the process.
const projectDir = join(import.meta.dirname, '..')

/** How long a process with a fault that nothing caught tries to stop in order. */
const faultTimeoutSeconds = 5

try {
  const config = parseConfig(process.env, projectDir)
  const log = createLog(config, process.stdout.isTTY)
  const starting = startService(config, log, pathToFileURL(join(projectDir, 'migrations/')))
  let stopping = false
  const stop = (exitCode: number, timeoutSeconds: number): void => {
    if (stopping) return
    stopping = true
    const deadline = setTimeout(() => process.exit(1), timeoutSeconds * 1000)
    starting
      .then((service) => service.stop())
      .then(
        () => {
          clearTimeout(deadline)
          process.exit(exitCode)
        },
        (error: unknown) => {
          log.error({ err: error }, 'the stop failed')
          process.exit(1)
        },
      )
  }
  // From the first moment on: as process 1 of a container, node ignores a signal that nobody listens to.
  // Under npm, Ctrl-C arrives twice: the second must not cut the drain short.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (!stopping) log.info({ signal }, 'stopping')
      stop(0, config.shutdownTimeoutSeconds)
    })
  // Node itself would print the error with its message, which may repeat a value. Nobody knows in which state the
  // process is: it lets go of what it can and ends.
  for (const fault of ['unhandledRejection', 'uncaughtException'] as const)
    process.on(fault, (error: unknown) => {
      log.fatal({ err: error }, 'a fault that nothing caught; stopping')
      process.exitCode = 1
      stop(1, Math.min(faultTimeoutSeconds, config.shutdownTimeoutSeconds))
    })
  await starting
} catch (error) {
  if (error instanceof ConfigError || error instanceof SealedEventsLost)
    for (const line of error.lines) console.error(line)
  else if (error instanceof EmbeddedError) console.error(error.message)
  // What the database says of a fault may repeat values.
  else console.error(JSON.stringify({ level: 'fatal', msg: 'the start failed', err: errorFields(error) }))
  process.exit(1)
}
