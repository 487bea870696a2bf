import { once } from 'node:events'
import { createHttpClient } from '../../../src/channels/http-client.ts'
import { parseConfig } from '../../../src/config.ts'
import { normaliser } from '../../../src/delivery/normalise.ts'
import { createLog } from '../../../src/log.ts'
import { openDatabase } from '../../../src/start.ts'
import { migrations } from '../../harness/database.ts'

/**
 * A process of its own that drains lanes: says "ready", waits for a word, drains, says "done". The lanes come as
 * argument: JSON of [{tenantId, region, channelId, lane}].
 */
const { DATABASE_URL = '', DATA_DIR = '', MASTER_KEY = '' } = process.env
const config = parseConfig({ DATABASE_URL, DATA_DIR, MASTER_KEY, LOG_LEVEL: 'fatal', LOG_PRETTY: 'false' }, DATA_DIR)
const log = createLog(config, false)
const { db } = await openDatabase(config, log, migrations)
const http = createHttpClient({ allowPrivate: true })
const drain = normaliser({ failureDelaysMs: [0, 0, 0, 0, 0, 0], waitingDelaysMs: [0, 0] })
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const lanes: unknown = JSON.parse(process.argv[2] ?? '[]')
for (const lane of Array.isArray(lanes) ? lanes : [])
  for (let tries = 0; tries < 3; tries++) await drain({ db, http, config, log }, lane, { attempts: 1, maxAttempts: 25 })
process.stdout.write('done\n')
await http.close()
await db.close()
process.exit(0)
