-- The inbox: how far each member has read, and the rules by which conversations find whoever answers them.

-- Counts what the contact has said since the conversation began, and never how much of it was read: against it, each
-- member's marker is one subtraction. unread_count stays what the house as a whole has not answered yet: it is what is
-- unread for whoever has never said how far they have read.
ALTER TABLE app.conversation ADD COLUMN heard_count int NOT NULL DEFAULT 0;
-- What a member has to do, and who has how much.
CREATE INDEX conversation_live ON app.conversation (tenant_id, assignee_id, status, business_unit_id) WHERE status <> 'closed' AND state = 'active';
CREATE INDEX conversation_unread ON app.conversation (tenant_id, id) WHERE unread_count > 0;
CREATE INDEX conversation_waiting ON app.conversation (tenant_id, waiting_since, id) WHERE waiting_since IS NOT NULL;

-- A thread of several people is one conversation, whoever of them speaks. It belongs to the contact who spoke there first,
-- and each message to whoever said it. When that contact is erased, it goes on as another member's.
ALTER TABLE app.conversation ADD COLUMN is_group boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX conversation_group ON app.conversation (tenant_id, channel_id, thread_key) WHERE is_group;

CREATE TABLE app.conversation_read (
  tenant_id        uuid NOT NULL,
  member_id        uuid NOT NULL,
  conversation_id  uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  -- the last message that was read, and when it was said; null: none. No foreign key: messages go with their contact
  message_id       uuid,
  message_at       timestamptz,
  -- how much of heard_count had been read then
  read_count       int NOT NULL,
  -- the contact has said more since: what is unread is found among these, not among all that was ever read
  is_behind        boolean NOT NULL DEFAULT false,
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, member_id, conversation_id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES app.member,
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES app.conversation
);
CREATE INDEX conversation_read_conversation ON app.conversation_read (tenant_id, conversation_id);
CREATE INDEX conversation_read_behind ON app.conversation_read (tenant_id, member_id, conversation_id) WHERE is_behind;

-- Which languages a member speaks, when they work ({timezone, days: {mon: [{from, to}]}}), and whether they are away.
ALTER TABLE app.member ADD COLUMN languages text[] NOT NULL DEFAULT '{}';
ALTER TABLE app.member ADD COLUMN working_hours jsonb;
ALTER TABLE app.member ADD COLUMN is_away boolean NOT NULL DEFAULT false;

-- Counts every change of a rule: rules compiled from an older one are void.
ALTER TABLE app.tenant ADD COLUMN routing_version bigint NOT NULL DEFAULT 1;

CREATE TABLE app.routing_rule (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  name             text NOT NULL,
  position         int NOT NULL,
  enabled          boolean NOT NULL DEFAULT true,
  -- why it was switched off by the service itself
  disabled_reason  text,
  channel_ids      uuid[] NOT NULL DEFAULT '{}',
  event            text NOT NULL,
  -- as JSON, in the language of grants; null: always
  condition        jsonb,
  actions          jsonb NOT NULL,
  continues        boolean NOT NULL DEFAULT false,
  state            text NOT NULL DEFAULT 'active',
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  trashed_at       timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit
);
CREATE INDEX routing_rule_order ON app.routing_rule (tenant_id, position, id);

-- Whose turn it is in a team: for each member the number of the turn in which they got something last. One row, whose
-- lock has those who share out the team's work wait for each other.
CREATE TABLE app.routing_cursor (
  tenant_id  uuid NOT NULL,
  team_id    uuid NOT NULL,
  turn       bigint NOT NULL DEFAULT 0,
  turns      jsonb NOT NULL DEFAULT '{}',
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, team_id),
  FOREIGN KEY (tenant_id, team_id) REFERENCES app.team
);

CALL app.govern('app.conversation_read');
CALL app.govern('app.routing_rule');
CALL app.govern('app.routing_cursor');
