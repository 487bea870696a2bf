/** A process that takes jobs and never ends them, to be killed; see worker.test.ts. */
import { startJobs } from '../../src/db/jobs.ts'

startJobs({
  ownerUrl: process.env.OWNER_URL ?? '',
  concurrency: Number(process.env.CONCURRENCY),
  tasks: ['probe'],
  recurring: [],
  log: { warn: () => {} },
  run: async ({ payload }) => {
    process.send?.((payload as { n: string }).n)
    await new Promise(() => {})
  },
})
