import { connectChannel } from './connect.ts'
import { consentChanged } from './consent-changed.ts'
import { runErrand } from './errand.ts'
import { removeFile } from './file-upkeep.ts'
import { maintain } from './maintenance.ts'
import { fetchMedia } from './media.ts'
import { normalise } from './normalise.ts'
import { fetchProfile } from './profile.ts'
import { routeEvents } from './route-events.ts'
import { send } from './send.ts'
import type { Task } from './task.ts'
import { wake } from './wake.ts'

/** Every kind of background work, by the name that jobs call it. */
export const tasks: Readonly<Record<string, Task>> = {
  normalise,
  send,
  wake,
  route: routeEvents,
  'consent-changed': consentChanged,
  'fetch-media': fetchMedia,
  'remove-file': removeFile,
  connect: connectChannel,
  errand: runErrand,
  profile: fetchProfile,
  maintain,
}
