import type { FastifyInstance } from 'fastify'
import type { Resource } from '../access/define.ts'
import type { Models } from '../access/model.ts'
import type { Chapter } from '../http/openapi.ts'
import type { Deps } from '../http/records.ts'
import { accessReportRoutes } from './access-report/routes.ts'
import { apiKeyRoutes } from './api-keys/routes.ts'
import { apiKeys } from './api-keys/schema.ts'
import { attachmentRoutes } from './attachments/routes.ts'
import { attachments } from './attachments/schema.ts'
import { auditKeyRoutes } from './audit/keys.ts'
import { auditRoutes } from './audit/routes.ts'
import { affectedContactRoutes } from './audit-events/affected-contacts.ts'
import { auditEventRevealRoute } from './audit-events/reveal.ts'
import { auditEventRoutes } from './audit-events/routes.ts'
import { auditEvents } from './audit-events/schema.ts'
import { businessUnitRoutes } from './business-units/routes.ts'
import { businessUnits } from './business-units/schema.ts'
import { channelRoutes } from './channels/routes.ts'
import { channels } from './channels/schema.ts'
import { consentEventRoutes } from './consent-events/routes.ts'
import { consentEvents } from './consent-events/schema.ts'
import { contactRoutes } from './contacts/routes.ts'
import { contacts } from './contacts/schema.ts'
import { conversationRoutes } from './conversations/routes.ts'
import { conversations } from './conversations/schema.ts'
import { customFieldRoutes } from './custom-fields/routes.ts'
import { customFields } from './custom-fields/schema.ts'
import { historyRoutes } from './history/routes.ts'
import { identityRoutes } from './identities/routes.ts'
import { identities } from './identities/schema.ts'
import { inboundEventRoutes } from './inbound-events/routes.ts'
import { inboundEvents } from './inbound-events/schema.ts'
import { ingestRoutes } from './ingest/routes.ts'
import { memberRoutes } from './members/routes.ts'
import { members } from './members/schema.ts'
import { mergeRoutes } from './merges/routes.ts'
import { suggestionRoutes } from './merges/suggestion-routes.ts'
import { messageRoutes } from './messages/routes.ts'
import { messages } from './messages/schema.ts'
import { noteRoutes } from './notes/routes.ts'
import { notes } from './notes/schema.ts'
import { permissionRoutes } from './permissions/routes.ts'
import { roleRoutes } from './roles/routes.ts'
import { roles } from './roles/schema.ts'
import { routingRuleRoutes } from './routing-rules/routes.ts'
import { routingRules } from './routing-rules/schema.ts'
import { meRoute } from './sessions/me.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { settingsRoutes } from './settings/routes.ts'
import { subjectRoutes } from './subjects/routes.ts'
import { subjects } from './subjects/schema.ts'
import { tagRoutes } from './tags/routes.ts'
import { tags } from './tags/schema.ts'
import { teamRoutes } from './teams/routes.ts'
import { teams } from './teams/schema.ts'
import { timelineRoutes } from './timeline/routes.ts'
import { unsubscribeRoutes } from './unsubscribe/routes.ts'
import { webchatRoutes } from './webchat/routes.ts'

/** Every noun that grants can name. Adding a resource is adding it here, twice. */
export const resources: readonly Resource[] = [
  contacts,
  subjects,
  identities,
  consentEvents,
  conversations,
  messages,
  notes,
  attachments,
  tags,
  customFields,
  channels,
  routingRules,
  inboundEvents,
  roles,
  members,
  teams,
  businessUnits,
  apiKeys,
  auditEvents,
]

export const models: Models = new Map(resources.map((resource) => [resource.name, resource]))

/** The chapters of the OpenAPI document: what each noun is. */
export const chapters: readonly Chapter[] = [
  { name: 'sessions', description: 'Logging in, going on, logging out.' },
  { name: 'invitations', description: 'One-time links by which a member sets a password.' },
  { name: 'me', description: 'Whoever asks.' },
  ...resources,
  { name: 'audit', description: 'Signed roots over the audit, proofs, and the program that checks them.' },
  { name: 'permissions', description: 'What roles can say.' },
  { name: 'settings', description: 'What holds for the whole tenant.' },
  { name: 'ingest', description: 'Where providers post.' },
  { name: 'files', description: 'Files by links that live for minutes.' },
  { name: 'unsubscribe', description: 'Where people say stop with one click.' },
  {
    name: 'webchat',
    description: 'The visitor’s side of a webchat, for pages: with a visitor’s token, on the channel’s own sites.',
  },
  { name: 'health', description: 'Whether the service lives, and whether it can serve.' },
]

const routes: readonly ((app: FastifyInstance, deps: Deps) => void)[] = [
  sessionRoutes,
  meRoute,
  contactRoutes,
  mergeRoutes,
  suggestionRoutes,
  subjectRoutes,
  identityRoutes,
  consentEventRoutes,
  timelineRoutes,
  historyRoutes,
  accessReportRoutes,
  conversationRoutes,
  messageRoutes,
  noteRoutes,
  tagRoutes,
  customFieldRoutes,
  roleRoutes,
  permissionRoutes,
  settingsRoutes,
  memberRoutes,
  teamRoutes,
  businessUnitRoutes,
  apiKeyRoutes,
  channelRoutes,
  routingRuleRoutes,
  ingestRoutes,
  unsubscribeRoutes,
  webchatRoutes,
  inboundEventRoutes,
  attachmentRoutes,
  auditEventRoutes,
  auditEventRevealRoute,
  auditRoutes,
  auditKeyRoutes,
  affectedContactRoutes,
]

/** One explicit, ordered list. */
export function registerResources(app: FastifyInstance, deps: Deps): void {
  for (const register of routes) register(app, deps)
}
