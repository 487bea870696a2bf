// Lists of fields that several built-in roles share.

/** What every record has, whoever may see it. */
export const basics = ['id', 'version', 'createdAt', 'updatedAt']
/** Who a contact is, without how to reach them. */
export const contactBasics = [
  ...basics,
  'displayName',
  'givenName',
  'familyName',
  'company',
  'jobTitle',
  'country',
  'residence',
  'language',
  'timezone',
  'lifecycleStage',
  'followUpStatus',
  'tags',
  'ownerId',
  'teamId',
  'businessUnitId',
  'source',
  'restricted',
]
/** What a contact wants. */
export const intent = ['intent', 'intentScore', 'customFields', 'externalIds']
/** What handling a conversation changes of it. */
export const conversationWrite = [
  'status',
  'snoozedUntil',
  'subject',
  'priority',
  'assigneeId',
  'teamId',
  'tags',
  'unreadCount',
]
/** How a conversation stands, without what is said in it. */
export const conversationState = [
  'contactId',
  'channelId',
  'channel',
  'isGroup',
  'businessUnitId',
  'status',
  'snoozedUntil',
  'priority',
  'assigneeId',
  'teamId',
  'purpose',
  'tags',
  'unreadCount',
  'unread',
  'lastMessageAt',
  'lastInboundAt',
  'waitingSince',
]
/** A conversation without what it is about. */
export const conversationBasics = [...basics, 'trashedAt', 'identityId', 'lastMessageId', ...conversationState]
/** A note without what it says. */
export const noteBasics = [
  ...basics,
  'trashedAt',
  'conversationId',
  'contactId',
  'businessUnitId',
  'authorKind',
  'authorId',
]
/** What somebody said about being contacted, without the words in which they said it. */
export const consentBasics = [
  'id',
  'createdAt',
  'contactId',
  'businessUnitId',
  'category',
  'state',
  'channelId',
  'identityId',
  'source',
  'messageId',
  'occurredAt',
]
/** A file without its name. */
export const attachmentBasics = [
  ...basics,
  'trashedAt',
  'contactId',
  'conversationId',
  'messageId',
  'businessUnitId',
  'mediaType',
  'size',
  'status',
  'contentUrl',
  'error',
  'uploadedBy',
]
/** A message without what it says. Without `externalId`: a provider’s id may hold the customer’s number (a wamid does, in base64). */
export const messageBasics = [
  ...basics,
  'trashedAt',
  'conversationId',
  'contactId',
  'identityId',
  'channelId',
  'businessUnitId',
  'direction',
  'type',
  'reactions',
  'attachmentIds',
  'status',
  'error',
  'author',
  'replyToId',
  'historical',
  'purpose',
  'occurredAt',
  'editedAt',
  'deletedAt',
]
