import type { FastifyInstance } from 'fastify'
import type { Database } from '../../src/db/database.ts'
import { makeDialogues } from './conversations.ts'
import { fillContacts } from './fill-contacts.ts'
import { fillConversations } from './fill-conversations.ts'
import { makePeople } from './people.ts'
import type { Progress } from './progress.ts'
import { Random } from './random.ts'
import { type Company, setUpCompany } from './set-up.ts'

const seed = 20_260_401

export interface Counts {
  contacts: number
  conversations: number
  messages: number
}

/**
 * Makes the tenant and everything in it: what administrators make through the API, what customers brought with them in
 * bulk through the choke point, audited in batches as the system's import.
 */
export async function fillTenant(
  app: FastifyInstance,
  db: Database,
  name: string,
  counts: Counts,
  progress: Progress,
): Promise<Company> {
  const advance = (steps: number): void => progress.advance(steps)
  const random = new Random(seed)
  const nowMs = Date.now()
  progress.begin('the company')
  const company = await setUpCompany(app, db, name, () => advance(1))
  const people = makePeople(counts.contacts, nowMs, random)
  const dialogues = makeDialogues(people, counts, nowMs, random)
  progress.begin('contacts')
  const addresses = await fillContacts(db, company, people, dialogues, random, advance)
  progress.begin('conversations and messages')
  await fillConversations(db, company, dialogues, addresses, nowMs, random, advance)
  return company
}
