/**
 * Everything that can be done, in grants and in the audit alike. Lists and searches are `read`.
 * One closed list: a route that names another action does not compile.
 */
export const actions = {
  create: 'Make a new record.',
  read: 'See records: fetch, list, search, count.',
  update: 'Change fields of a record.',
  delete: 'Move a record to the trash.',
  restore: 'Bring a record back from the trash.',
  merge: 'Join two contacts into one, or take a merge back.',
  assign: 'Give a conversation or contact to a member or team.',
  send: 'Send a message to a contact.',
  reveal: 'See the clear value of a masked field, one record at a time, with a reason.',
  export: 'Take records out of the system in bulk.',
  import: 'Bring records in: inbound events, past messages, files of contacts.',
  impersonate: 'Act for a member with an API key, with the rights that both have.',
  administer: 'Change how the system works: channels, keys, replays.',
  erase: 'Erase a person for good.',
  approve: 'Give a second person’s consent to a high-risk operation.',
} as const

export type Action = keyof typeof actions

export const actionNames = Object.keys(actions) as [Action, ...Action[]]
