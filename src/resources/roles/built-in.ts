import type { Grant } from '../../access/grant.ts'
import {
  attachmentBasics,
  basics,
  consentBasics,
  contactBasics,
  conversationBasics,
  conversationState,
  conversationWrite,
  intent,
  messageBasics,
  noteBasics,
} from './built-in-fields.ts'

const colleagues: Grant = {
  resource: 'members',
  actions: ['read'],
  fields: { read: ['id', 'displayName', 'teamIds', 'status', 'languages', 'isAway'] },
}
/** Everybody says themselves that they are away. */
const ownPresence: Grant = {
  resource: 'members',
  actions: ['update'],
  fields: { write: ['isAway'] },
  when: { eq: ['id', '$me.id'] },
}
const wordsOfTheHouse: Grant[] = [
  { resource: 'tags', actions: ['read'], fields: { read: ['*'] } },
  { resource: 'custom-fields', actions: ['read'], fields: { read: ['*'] } },
  { resource: 'teams', actions: ['read'], fields: { read: ['*'] } },
  { resource: 'business-units', actions: ['read'], fields: { read: ['id', 'name', 'isDefault'] } },
  {
    resource: 'channels',
    actions: ['read'],
    fields: { read: ['id', 'type', 'name', 'businessUnitId', 'teamId', 'status'] },
  },
]

const revealed = (resource: string): Grant => ({ resource, actions: ['reveal'] })

/**
 * Talking with customers: conversations, and contacts in their basics. Phone and email are masked, and so they are where
 * somebody has written them into a message, a note, a subject or the name of a file.
 */
const agent: Grant[] = [
  {
    resource: 'contacts',
    actions: ['read', 'update', 'create'],
    fields: {
      read: contactBasics,
      mask: ['phone', 'email'],
      write: [
        'displayName',
        'givenName',
        'familyName',
        'company',
        'jobTitle',
        'country',
        'language',
        'timezone',
        'followUpStatus',
        'tags',
      ],
    },
  },
  { resource: 'contacts', actions: ['reveal', 'assign'] },
  ...['identities', 'conversations', 'messages', 'notes'].map(revealed),
  {
    resource: 'identities',
    actions: ['read'],
    fields: {
      read: [
        ...basics,
        'contactId',
        'businessUnitId',
        'kind',
        'channelId',
        'verified',
        'isPrimary',
        'source',
        'lastSeenAt',
        'identifying',
        'displayName',
      ],
      mask: ['value'],
    },
  },
  { resource: 'consent-events', actions: ['read'], fields: { read: consentBasics } },
  // Whoever is told "no more" puts it down at once; that somebody agreed is for those who answer for it.
  {
    resource: 'consent-events',
    actions: ['create'],
    fields: { write: ['category', 'state', 'channelId', 'evidence', 'occurredAt'] },
    when: { eq: ['state', 'stop'] },
  },
  {
    resource: 'conversations',
    actions: ['read', 'update', 'create', 'assign'],
    fields: {
      read: conversationBasics,
      mask: ['subject'],
      write: [...conversationWrite, 'contactId', 'identityId', 'channelId', 'purpose'],
    },
  },
  { resource: 'messages', actions: ['read', 'send'], fields: { read: messageBasics, mask: ['text', 'content'] } },
  {
    resource: 'notes',
    actions: ['read', 'create', 'update', 'delete', 'restore'],
    fields: { read: noteBasics, mask: ['text'], write: ['text'] },
  },
  {
    resource: 'attachments',
    actions: ['read', 'create'],
    fields: { read: attachmentBasics, mask: ['fileName'], write: ['*'] },
  },
  colleagues,
  ownPresence,
  ...wordsOfTheHouse,
]

/** Selling: what an agent sees, and what the customer wants. */
const sales: Grant[] = [
  ...agent,
  {
    resource: 'contacts',
    actions: ['read', 'update', 'create'],
    fields: {
      read: [...contactBasics, ...intent, 'birthDate'],
      mask: ['phone', 'email'],
      write: [
        'lifecycleStage',
        'intent',
        'intentScore',
        'ownerId',
        'teamId',
        'source',
        'followUpStatus',
        'tags',
        'email',
        'phone',
        'businessUnitId',
        'address',
        'externalIds',
        'residence',
      ],
    },
  },
]

const everything = (resource: string, ...actions: Grant['actions']): Grant => ({
  resource,
  actions,
  fields: { read: ['*'], write: ['*'] },
})

/** Statistics, configuration, risk: how the house works, not what customers say. */
const manager: Grant[] = [
  {
    resource: 'contacts',
    actions: ['read'],
    fields: {
      read: [
        ...basics,
        'country',
        'residence',
        'language',
        'lifecycleStage',
        'followUpStatus',
        'intentScore',
        'tags',
        'ownerId',
        'teamId',
        'businessUnitId',
        'source',
        'restricted',
        'held',
      ],
      mask: ['displayName', 'email', 'phone'],
    },
  },
  {
    resource: 'conversations',
    actions: ['read', 'update', 'assign'],
    fields: {
      read: [...basics, ...conversationState],
      write: ['assigneeId', 'teamId', 'priority', 'status'],
    },
  },
  everything('teams', 'read', 'create', 'update', 'delete', 'restore'),
  everything('tags', 'read', 'create', 'update', 'delete', 'restore'),
  everything('routing-rules', 'read', 'create', 'update', 'delete', 'restore'),
  everything('custom-fields', 'read', 'create', 'update'),
  {
    resource: 'members',
    actions: ['read', 'create', 'update', 'administer'],
    fields: {
      read: ['*'],
      write: ['displayName', 'email', 'language', 'languages', 'timezone', 'workingHours', 'isAway', 'teamIds'],
    },
  },
  { resource: 'roles', actions: ['read'], fields: { read: ['*'] } },
  { resource: 'business-units', actions: ['read'], fields: { read: ['*'] } },
  { resource: 'channels', actions: ['read', 'update'], fields: { read: ['*'], write: ['name', 'teamId', 'status'] } },
  {
    resource: 'inbound-events',
    actions: ['read', 'administer'],
    fields: {
      read: [
        ...['id', 'version', 'channelId', 'receivedChannelId', 'businessUnitId', 'type', 'kind', 'status', 'reason'],
        ...['attempts', 'occurredAt', 'receivedAt', 'processedAt', 'contactId', 'conversationId', 'messageId'],
      ],
    },
  },
  { resource: 'api-keys', actions: ['read'], fields: { read: ['*'] } },
  { resource: 'audit-events', actions: ['read'], fields: { read: ['*'] } },
]

/** Data subjects' rights: sees the person whole, erases, approves, reads the audit. */
const privacy: Grant[] = [
  {
    resource: 'contacts',
    actions: ['read', 'update', 'reveal', 'export', 'erase', 'approve', 'merge', 'delete', 'restore'],
    fields: { read: ['*'], write: ['residence', 'country', 'language'] },
  },
  { resource: 'subjects', actions: ['read'], fields: { read: ['*'] } },
  { resource: 'identities', actions: ['read', 'update'], fields: { read: ['*'], write: ['identifying'] } },
  everything('consent-events', 'read', 'create'),
  ...['conversations', 'messages', 'notes', 'attachments', 'inbound-events'].map((one) => everything(one, 'read')),
  { resource: 'audit-events', actions: ['read', 'export', 'reveal'], fields: { read: ['*'] } },
  colleagues,
  ...wordsOfTheHouse,
]

/** Posts inbound events, reads nothing. */
const connector: Grant[] = [{ resource: 'inbound-events', actions: ['import', 'create'], fields: { write: ['*'] } }]

/** Everything. Named resource by resource: a grant has no wildcard for what it does not know. */
const owner = (resources: readonly string[]): Grant[] =>
  resources.map((resource) =>
    everything(
      resource,
      'create',
      'read',
      'update',
      'delete',
      'restore',
      'merge',
      'assign',
      'send',
      'reveal',
      'export',
      'import',
      'impersonate',
      'administer',
      'erase',
      'approve',
    ),
  )

export interface BuiltInRole {
  name: string
  description: string
  grants: readonly Grant[]
  seesAllBusinessUnits: boolean
}

/** The roles that every tenant starts with. Their grants follow the release. */
export function builtInRoles(resources: readonly string[]): readonly BuiltInRole[] {
  return [
    {
      name: 'owner',
      description: 'Everything, in every business unit.',
      grants: owner(resources),
      seesAllBusinessUnits: true,
    },
    { name: 'manager', description: 'Statistics, configuration, risk.', grants: manager, seesAllBusinessUnits: false },
    {
      name: 'agent',
      description: 'Customer service: conversations and basic contact fields; phone and email masked.',
      grants: agent,
      seesAllBusinessUnits: false,
    },
    {
      name: 'sales',
      description: 'Customer service, with intent and history.',
      grants: sales,
      seesAllBusinessUnits: false,
    },
    { name: 'privacy', description: 'Data-subject work and approvals.', grants: privacy, seesAllBusinessUnits: false },
    {
      name: 'connector',
      description: 'Posts inbound events, reads nothing.',
      grants: connector,
      seesAllBusinessUnits: false,
    },
  ]
}
