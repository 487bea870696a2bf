-- The tenant's data. Ids are UUIDv7 made by the application. state: active, trashed, merged (contacts), erased.
-- No foreign key cascades: erasing has one path, and it is not a side effect.

CREATE TABLE app.tenant (
  tenant_id      uuid PRIMARY KEY,
  name           text NOT NULL,
  region         text NOT NULL,
  -- counts every change of a role, a team or a business unit: abilities built on an older one are void
  policy_version bigint NOT NULL DEFAULT 1,
  wrapped_key    bytea NOT NULL,
  -- the resources that nobody touches without a purpose
  purpose_required_for text[] NOT NULL DEFAULT '{}',
  version        int NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE app.business_unit (
  tenant_id             uuid NOT NULL REFERENCES app.tenant,
  id                    uuid NOT NULL,
  name                  text NOT NULL,
  legal_entity          text,
  establishment_country text,
  region                text NOT NULL,
  is_default            boolean NOT NULL DEFAULT false,
  state                 text NOT NULL DEFAULT 'active',
  version               int NOT NULL DEFAULT 1,
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  trashed_at            timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX business_unit_default ON app.business_unit (tenant_id) WHERE is_default;

CREATE TABLE app.team (
  tenant_id   uuid NOT NULL REFERENCES app.tenant,
  id          uuid NOT NULL,
  name        text NOT NULL,
  description text,
  countries   text[] NOT NULL DEFAULT '{}',
  state       text NOT NULL DEFAULT 'active',
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  trashed_at  timestamptz,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE app.role (
  tenant_id              uuid NOT NULL REFERENCES app.tenant,
  id                     uuid NOT NULL,
  name                   text NOT NULL,
  description            text,
  -- the name of a built-in role; its grants follow the release
  built_in               text,
  grants                 jsonb NOT NULL,
  sees_all_business_units boolean NOT NULL DEFAULT false,
  state                  text NOT NULL DEFAULT 'active',
  version                int NOT NULL DEFAULT 1,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now(),
  trashed_at             timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX role_name ON app.role (tenant_id, lower(name)) WHERE state = 'active';

CREATE TABLE app.member (
  tenant_id         uuid NOT NULL REFERENCES app.tenant,
  id                uuid NOT NULL,
  email             text NOT NULL,
  display_name      text NOT NULL,
  language          text,
  timezone          text,
  status            text NOT NULL,
  password_hash     text,
  role_ids          uuid[] NOT NULL DEFAULT '{}',
  team_ids          uuid[] NOT NULL DEFAULT '{}',
  business_unit_ids uuid[] NOT NULL DEFAULT '{}',
  default_purpose   text,
  -- clear values a day; null: the default
  reveal_quota      int CHECK (reveal_quota BETWEEN 0 AND 100000),
  access_version    bigint NOT NULL DEFAULT 1,
  last_login_at     timestamptz,
  state             text NOT NULL DEFAULT 'active',
  version           int NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  trashed_at        timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX member_email ON app.member (tenant_id, lower(email));
CREATE INDEX member_role ON app.member USING gin (tenant_id, role_ids);

-- A one-time link: an invitation or a password reset.
CREATE TABLE app.invitation (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  member_id   uuid NOT NULL,
  secret_hash bytea NOT NULL,
  expires_at  timestamptz NOT NULL,
  used_at     timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES app.member
);

CREATE TABLE app.api_key (
  tenant_id         uuid NOT NULL REFERENCES app.tenant,
  id                uuid NOT NULL,
  name              text NOT NULL,
  prefix            text NOT NULL,
  secret_hash       bytea NOT NULL,
  role_ids          uuid[] NOT NULL DEFAULT '{}',
  team_ids          uuid[] NOT NULL DEFAULT '{}',
  business_unit_ids uuid[] NOT NULL DEFAULT '{}',
  default_purpose   text,
  reveal_quota      int CHECK (reveal_quota BETWEEN 0 AND 100000),
  status            text NOT NULL DEFAULT 'active',
  expires_at        timestamptz,
  created_by        uuid,
  access_version    bigint NOT NULL DEFAULT 1,
  state             text NOT NULL DEFAULT 'active',
  version           int NOT NULL DEFAULT 1,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  trashed_at        timestamptz,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE app.session (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  member_id    uuid NOT NULL,
  -- the key that acts for the member (sessions/exchange)
  api_key_id   uuid,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  ended_reason text,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, member_id) REFERENCES app.member,
  FOREIGN KEY (tenant_id, api_key_id) REFERENCES app.api_key
);
CREATE INDEX session_member ON app.session (tenant_id, member_id) WHERE ended_at IS NULL;

CREATE TABLE app.refresh_token (
  tenant_id  uuid NOT NULL,
  token_hash bytea NOT NULL,
  session_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  used_at    timestamptz,
  PRIMARY KEY (tenant_id, token_hash),
  FOREIGN KEY (tenant_id, session_id) REFERENCES app.session
);

CREATE TABLE app.channel (
  tenant_id        uuid NOT NULL REFERENCES app.tenant,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  team_id          uuid,
  type             text NOT NULL,
  name             text NOT NULL,
  settings         jsonb NOT NULL,
  -- the whole settings, secrets included, encrypted under the tenant's key
  sealed_settings  bytea NOT NULL,
  -- the provider's account it serves, and a keyed hash of the secret shared by one provider app
  account          text,
  app_hash         bytea,
  status           text NOT NULL DEFAULT 'active',
  last_event_at    timestamptz,
  last_sent_at     timestamptz,
  last_error       text,
  last_error_at    timestamptz,
  state            text NOT NULL DEFAULT 'active',
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  trashed_at       timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit,
  FOREIGN KEY (tenant_id, team_id) REFERENCES app.team
);
CREATE UNIQUE INDEX channel_account ON app.channel (tenant_id, type, account) WHERE state = 'active' AND account IS NOT NULL;
CREATE INDEX channel_app ON app.channel (tenant_id, app_hash) WHERE app_hash IS NOT NULL;

CREATE TABLE app.contact (
  tenant_id             uuid NOT NULL REFERENCES app.tenant,
  id                    uuid NOT NULL,
  business_unit_id      uuid NOT NULL,
  display_name          text,
  given_name            text,
  family_name           text,
  email                 text,
  phone                 text,
  company               text,
  job_title             text,
  country               text,
  residence_country     text,
  residence_subdivision text,
  residence_source      text,
  language              text,
  timezone              text,
  birth_date            date,
  address               jsonb,
  lifecycle_stage       text NOT NULL DEFAULT 'lead',
  follow_up_status      text,
  intent                text,
  intent_score          smallint,
  tags                  text[] NOT NULL DEFAULT '{}',
  external_ids          jsonb NOT NULL DEFAULT '[]',
  owner_id              uuid,
  team_id               uuid,
  source                text,
  state                 text NOT NULL DEFAULT 'active',
  merged_into_id        uuid,
  restricted            boolean NOT NULL DEFAULT false,
  held                  boolean NOT NULL DEFAULT false,
  version               int NOT NULL DEFAULT 1,
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  trashed_at            timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit,
  FOREIGN KEY (tenant_id, owner_id) REFERENCES app.member,
  FOREIGN KEY (tenant_id, team_id) REFERENCES app.team,
  FOREIGN KEY (tenant_id, merged_into_id) REFERENCES app.contact
);
CREATE INDEX contact_created ON app.contact (tenant_id, created_at DESC, id DESC);
CREATE INDEX contact_name ON app.contact (tenant_id, display_name, id);
CREATE INDEX contact_phone ON app.contact (tenant_id, phone);
CREATE INDEX contact_email ON app.contact (tenant_id, lower(email COLLATE "C"));
-- Behind the order, what rights are given for: whoever sees a part is led past the other rows within the index. And by
-- status, in which lists are worked off: a rare one is found as fast as a common one.
CREATE INDEX contact_recent ON app.contact (tenant_id, id DESC, business_unit_id, team_id, country, follow_up_status, lifecycle_stage);
CREATE INDEX contact_updated ON app.contact (tenant_id, updated_at DESC, id DESC, business_unit_id, team_id, country, follow_up_status, lifecycle_stage);
CREATE INDEX contact_status ON app.contact (tenant_id, follow_up_status, id DESC, business_unit_id, team_id, country, lifecycle_stage);
-- By what rights are given for: whose it is; and unit, team and country, also where a role names only some of them.
CREATE INDEX contact_owner ON app.contact (tenant_id, owner_id, id DESC);
CREATE INDEX contact_scope ON app.contact (tenant_id, business_unit_id, team_id, country, id DESC, follow_up_status, lifecycle_stage);
CREATE INDEX contact_tags ON app.contact USING gin (tenant_id, tags);

-- The fields that a tenant has defined itself.
CREATE TABLE app.custom_field (
  tenant_id      uuid NOT NULL REFERENCES app.tenant,
  id             uuid NOT NULL,
  resource       text NOT NULL,
  key            text NOT NULL,
  type           text NOT NULL,
  -- what people read, by language (BCP 47)
  labels         jsonb NOT NULL DEFAULT '{}',
  description    text,
  -- of a text: how it is written, and so how it is masked
  format         text,
  -- of money (ISO 4217)
  currency       text,
  -- of a reference: to what
  reference_to   text,
  -- of a choice: [{value, labels}]
  options        jsonb NOT NULL DEFAULT '[]',
  required       boolean NOT NULL DEFAULT false,
  minimum        numeric,
  maximum        numeric,
  max_length     int,
  -- what kind of data it is; personal until somebody says so or otherwise
  classification text NOT NULL DEFAULT 'unclassified',
  category       text,
  origin         text NOT NULL DEFAULT 'provided',
  state          text NOT NULL DEFAULT 'active',
  version        int NOT NULL DEFAULT 1,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  trashed_at     timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX custom_field_key ON app.custom_field (tenant_id, resource, key) WHERE state = 'active';

-- Their values: one row per contact and field, in the column of the field's type, so that no table ever changes for one.
-- The contact may follow later in the same transaction.
CREATE TABLE app.contact_custom_value (
  tenant_id        uuid NOT NULL,
  contact_id       uuid NOT NULL,
  field_id         uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  text_value       text,
  -- Long texts are found by their beginnings: an entry of an index has its limit.
  text_start       text GENERATED ALWAYS AS (left(text_value, 100)) STORED,
  -- As JSON's numbers are. And under row-level security an index serves only operators that leak nothing: those of
  -- numeric are not marked so.
  number_value     double precision,
  boolean_value    boolean,
  date_value       date,
  list_value       text[],
  uuid_value       uuid,
  PRIMARY KEY (tenant_id, contact_id, field_id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact DEFERRABLE INITIALLY DEFERRED,
  FOREIGN KEY (tenant_id, field_id) REFERENCES app.custom_field,
  CHECK (num_nonnulls(text_value, number_value, boolean_value, date_value, list_value, uuid_value) = 1)
);
CREATE INDEX contact_custom_text ON app.contact_custom_value (tenant_id, field_id, text_start, contact_id) WHERE text_start IS NOT NULL;
CREATE INDEX contact_custom_number ON app.contact_custom_value (tenant_id, field_id, number_value, contact_id) WHERE number_value IS NOT NULL;
CREATE INDEX contact_custom_boolean ON app.contact_custom_value (tenant_id, field_id, boolean_value, contact_id) WHERE boolean_value IS NOT NULL;
CREATE INDEX contact_custom_date ON app.contact_custom_value (tenant_id, field_id, date_value, contact_id) WHERE date_value IS NOT NULL;
CREATE INDEX contact_custom_uuid ON app.contact_custom_value (tenant_id, field_id, uuid_value, contact_id) WHERE uuid_value IS NOT NULL;
CREATE INDEX contact_custom_list ON app.contact_custom_value USING gin (tenant_id, field_id, list_value) WHERE list_value IS NOT NULL;
CREATE INDEX contact_search ON app.contact USING gin
  (tenant_id, app.fold(display_name) gin_trgm_ops, app.fold(given_name) gin_trgm_ops, app.fold(family_name) gin_trgm_ops,
   app.fold(company) gin_trgm_ops, lower(email) gin_trgm_ops, phone gin_trgm_ops);

-- The key under which a person's raw events, attachments and old values are encrypted. Erasing destroys it.
CREATE TABLE app.contact_key (
  tenant_id   uuid NOT NULL,
  contact_id  uuid NOT NULL,
  wrapped_key bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, contact_id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact
);

CREATE TABLE app.external_id (
  tenant_id        uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  system           text NOT NULL,
  value            text NOT NULL,
  contact_id       uuid NOT NULL,
  PRIMARY KEY (tenant_id, business_unit_id, system, value),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact
);
CREATE INDEX external_id_contact ON app.external_id (tenant_id, contact_id);

CREATE TABLE app.identity (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  contact_id       uuid NOT NULL,
  kind             text NOT NULL,
  -- the channel within which the value means something; null where it means the same everywhere (phone, email)
  channel_id       uuid,
  value            text NOT NULL,
  -- the value in the form in which two of them are compared
  match_value      text NOT NULL,
  display_name     text,
  verified         boolean NOT NULL DEFAULT false,
  is_primary       boolean NOT NULL DEFAULT false,
  source           text NOT NULL,
  last_seen_at     timestamptz,
  state            text NOT NULL DEFAULT 'active',
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  trashed_at       timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, channel_id) REFERENCES app.channel
);
-- A verified address belongs to one contact of a business unit; claims may repeat.
CREATE UNIQUE INDEX identity_verified ON app.identity
  (tenant_id, business_unit_id, kind, coalesce(channel_id, '00000000-0000-0000-0000-000000000000'), match_value)
  WHERE verified AND state = 'active';
CREATE INDEX identity_match ON app.identity (tenant_id, match_value);
CREATE INDEX identity_contact ON app.identity (tenant_id, contact_id);

CREATE TABLE app.conversation (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  contact_id       uuid NOT NULL,
  identity_id      uuid,
  channel_id       uuid NOT NULL,
  channel          text NOT NULL,
  thread_key       text NOT NULL DEFAULT '',
  status           text NOT NULL DEFAULT 'open',
  snoozed_until    timestamptz,
  subject          text,
  -- what of its texts is shown where they are masked, by field: {} where nothing was found in them. Without a default,
  -- here and below: whoever writes texts says what was found
  veiled           jsonb NOT NULL,
  priority         text NOT NULL DEFAULT 'normal',
  assignee_id      uuid,
  team_id          uuid,
  purpose          text,
  tags             text[] NOT NULL DEFAULT '{}',
  unread_count     int NOT NULL DEFAULT 0,
  last_message_id  uuid,
  last_message_at  timestamptz,
  last_inbound_at  timestamptz,
  waiting_since    timestamptz,
  state            text NOT NULL DEFAULT 'active',
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  trashed_at       timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, identity_id) REFERENCES app.identity,
  FOREIGN KEY (tenant_id, channel_id) REFERENCES app.channel,
  FOREIGN KEY (tenant_id, assignee_id) REFERENCES app.member,
  FOREIGN KEY (tenant_id, team_id) REFERENCES app.team
);
-- One continuous conversation per address, channel and thread; a new message reopens it.
CREATE UNIQUE INDEX conversation_thread ON app.conversation (tenant_id, channel_id, identity_id, thread_key) WHERE identity_id IS NOT NULL;
CREATE INDEX conversation_contact ON app.conversation (tenant_id, contact_id);
-- Sorted as the lists are: newest first, those without a message last.
CREATE INDEX conversation_inbox ON app.conversation (tenant_id, status, last_message_at DESC NULLS LAST, id DESC);
CREATE INDEX conversation_recent ON app.conversation (tenant_id, last_message_at DESC NULLS LAST, id DESC);
CREATE INDEX conversation_created ON app.conversation (tenant_id, created_at DESC, id DESC);
CREATE INDEX conversation_assignee ON app.conversation (tenant_id, assignee_id, last_message_at DESC NULLS LAST, id DESC);

CREATE TABLE app.inbound_event (
  tenant_id        uuid NOT NULL REFERENCES app.tenant,
  id               uuid NOT NULL,
  -- the unit and channel it was routed to; null while unrouted
  business_unit_id uuid,
  channel_id       uuid,
  -- where it was posted
  received_channel_id uuid NOT NULL,
  type             text NOT NULL,
  account          text NOT NULL,
  dedupe_hash      bytea NOT NULL,
  -- events of one lane are normalised in order
  lane             bytea NOT NULL,
  -- given in the order of a post's events, whatever the order of the insert
  sequence         bigint GENERATED BY DEFAULT AS IDENTITY,
  kind             text NOT NULL,
  status           text NOT NULL,
  reason           text,
  attempts         int NOT NULL DEFAULT 0,
  -- stored, and not to be tried before this: it failed and holds its lane, or it waits for the message that it is about
  retry_at         timestamptz,
  occurred_at      timestamptz,
  received_at      timestamptz NOT NULL DEFAULT now(),
  processed_at     timestamptz,
  -- as the provider sent it, encrypted: under the tenant's key until its contact is known, then under the contact's
  sealed_payload   bytea,
  contact_id       uuid,
  conversation_id  uuid,
  message_id       uuid,
  version          int NOT NULL DEFAULT 1,
  updated_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, type, account, dedupe_hash),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES app.channel,
  FOREIGN KEY (tenant_id, received_channel_id) REFERENCES app.channel,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact
);
CREATE INDEX inbound_event_waiting ON app.inbound_event (tenant_id, lane, sequence) WHERE status = 'stored';
CREATE INDEX inbound_event_unrouted ON app.inbound_event (tenant_id, type, account) WHERE status = 'unrouted';
-- what expires: raw events that led to nobody
CREATE INDEX inbound_event_expiring ON app.inbound_event (tenant_id, received_at) WHERE contact_id IS NULL AND sealed_payload IS NOT NULL AND status <> 'stored';
CREATE INDEX inbound_event_received ON app.inbound_event (tenant_id, received_at DESC, id DESC);

CREATE TABLE app.message (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  conversation_id  uuid NOT NULL,
  contact_id       uuid NOT NULL,
  identity_id      uuid,
  channel_id       uuid NOT NULL,
  direction        text NOT NULL,
  type             text NOT NULL,
  content          jsonb NOT NULL DEFAULT '{}',
  text             text NOT NULL DEFAULT '',
  veiled           jsonb NOT NULL,
  reactions        jsonb NOT NULL DEFAULT '[]',
  attachment_ids   uuid[] NOT NULL DEFAULT '{}',
  status           text NOT NULL,
  error            jsonb,
  author_kind      text NOT NULL,
  author_id        uuid,
  -- the API key through which a member wrote
  author_key_id    uuid,
  reply_to_id      uuid,
  -- the provider's id of the message that it answers: past messages often come after those that answer them
  reply_to_external_id text,
  external_id      text,
  historical       boolean NOT NULL DEFAULT false,
  purpose          text,
  inbound_event_id uuid,
  attempts         int NOT NULL DEFAULT 0,
  -- set just before the provider is called: a message found with it and without an answer has an unknown fate
  dispatched_at    timestamptz,
  -- not to be tried before this: the provider asked for patience, or our own back-off
  retry_at         timestamptz,
  occurred_at      timestamptz NOT NULL,
  edited_at        timestamptz,
  deleted_at       timestamptz,
  state            text NOT NULL DEFAULT 'active',
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  trashed_at       timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES app.conversation,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, identity_id) REFERENCES app.identity,
  FOREIGN KEY (tenant_id, channel_id) REFERENCES app.channel,
  FOREIGN KEY (tenant_id, reply_to_id) REFERENCES app.message
);
CREATE UNIQUE INDEX message_external ON app.message (tenant_id, channel_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX message_conversation ON app.message (tenant_id, conversation_id, occurred_at DESC, id DESC);
CREATE INDEX message_contact ON app.message (tenant_id, contact_id, occurred_at DESC, id DESC);
CREATE INDEX message_awaited ON app.message (tenant_id, channel_id, reply_to_external_id)
  WHERE reply_to_id IS NULL AND reply_to_external_id IS NOT NULL;
CREATE INDEX message_queued ON app.message (tenant_id, conversation_id, occurred_at, id) WHERE status = 'queued';

CREATE TABLE app.note (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  conversation_id  uuid NOT NULL,
  contact_id       uuid NOT NULL,
  author_kind      text NOT NULL,
  author_id        uuid,
  text             text NOT NULL,
  veiled           jsonb NOT NULL,
  state            text NOT NULL DEFAULT 'active',
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  trashed_at       timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES app.conversation,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact
);
CREATE INDEX note_conversation ON app.note (tenant_id, conversation_id, created_at DESC, id DESC);
CREATE INDEX note_contact ON app.note (tenant_id, contact_id, created_at DESC, id DESC);

CREATE TABLE app.attachment (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  -- null for an upload that no message holds yet
  contact_id       uuid,
  conversation_id  uuid,
  message_id       uuid,
  channel_id       uuid,
  file_name        text,
  veiled           jsonb NOT NULL,
  media_type       text,
  size             bigint,
  -- keyed, so that equal files of two people cannot be matched by whoever reads the table
  content_hash     bytea,
  -- the file in the store, and the key that it alone is encrypted under; a file that no row names is an orphan
  stored_as        text,
  wrapped_key      bytea,
  -- whose key wraps that key: this contact's, or the tenant's while no message holds the file
  key_contact_id   uuid,
  status           text NOT NULL,
  error            text,
  -- the provider's reference, encrypted: it may be a link with a token in it
  sealed_source    bytea,
  attempts         int NOT NULL DEFAULT 0,
  uploaded_by      uuid,
  state            text NOT NULL DEFAULT 'active',
  version          int NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  trashed_at       timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, message_id) REFERENCES app.message
);
CREATE INDEX attachment_message ON app.attachment (tenant_id, message_id);
CREATE INDEX attachment_contact ON app.attachment (tenant_id, contact_id);
CREATE INDEX attachment_created ON app.attachment (tenant_id, created_at DESC, id DESC);
-- what is to be fetched, and is not yet
CREATE INDEX attachment_pending ON app.attachment (tenant_id, channel_id, created_at) WHERE status = 'pending';

-- Every consent, STOP, block and preference with its evidence, one row each; what holds now is read from them.
CREATE TABLE app.consent_event (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  business_unit_id  uuid NOT NULL,
  contact_id        uuid NOT NULL,
  channel_id        uuid,
  category          text NOT NULL,
  state             text NOT NULL,
  source            text NOT NULL,
  -- the inbound event that proves it; no foreign key: raw events expire, what they proved stays
  evidence_event_id uuid,
  occurred_at       timestamptz NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, evidence_event_id, category),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, channel_id) REFERENCES app.channel
);
CREATE INDEX consent_event_contact ON app.consent_event (tenant_id, contact_id, category, occurred_at DESC);

-- Addresses that must not become contacts (again), as keyed hashes: whoever reads the table learns none of them.
CREATE TABLE app.suppression (
  tenant_id       uuid NOT NULL REFERENCES app.tenant,
  identifier_hash bytea NOT NULL,
  -- 'review' asks a person first; anything else keeps the address out
  reason          text NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, identifier_hash)
);

CREATE TABLE app.tag (
  tenant_id   uuid NOT NULL REFERENCES app.tenant,
  id          uuid NOT NULL,
  name        text NOT NULL,
  color       text,
  description text,
  state       text NOT NULL DEFAULT 'active',
  version     int NOT NULL DEFAULT 1,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  trashed_at  timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX tag_name ON app.tag (tenant_id, name);

-- What a request with an Idempotency-Key led to: the result's id, never its body.
CREATE TABLE app.idempotency (
  tenant_id    uuid NOT NULL REFERENCES app.tenant,
  principal_id uuid NOT NULL,
  key_hash     bytea NOT NULL,
  fingerprint  bytea NOT NULL,
  status       int NOT NULL,
  result       jsonb NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, principal_id, key_hash)
);
CREATE INDEX idempotency_created ON app.idempotency (tenant_id, created_at);

-- Clear values of masked fields that a principal has asked for, by day.
CREATE TABLE app.reveal_use (
  tenant_id    uuid NOT NULL REFERENCES app.tenant,
  principal_id uuid NOT NULL,
  day          date NOT NULL,
  used         int NOT NULL,
  -- when the quota was first hit that day
  alerted_at   timestamptz,
  PRIMARY KEY (tenant_id, principal_id, day)
);

DO $$
DECLARE tab regclass;
BEGIN
  FOR tab IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'app' AND c.relkind = 'r'
  LOOP CALL app.govern(tab); END LOOP;
END $$;

-- The outbox: a job is added in the transaction of the change that needs it. Runs as the owner, since the queue's own
-- tables are out of the application's reach. A job of the same key that waits already is kept at its place in the
-- queue, with its run made due now if it had failed before; beside one that is running, a new one is added.
--
-- The queue's add_job sends a NOTIFY, and transactions that do commit one after the other, each waiting for the disk
-- (measured: 350 to 600 jobs/s with it, 950 to 1,550 without, 10 clients). The process that adds a job tells its own
-- workers instead, those of other processes look every second. So its unqualified pg_notify finds this one first.
--
-- PostgreSQL would plan the five statements of add_jobs anew with every call, which took as long as all the rest of
-- them (0.4 ms). One plan fits all calls: a few keys, each looked up, however long the queue is.
CREATE SCHEMA quiet;
CREATE FUNCTION quiet.pg_notify(channel text, payload text) RETURNS void LANGUAGE sql RETURN NULL::void;

CREATE FUNCTION app.enqueue(task text, keys text[], payloads jsonb[], run_after timestamptz DEFAULT NULL) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = quiet, pg_catalog, pg_temp
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  missing graphile_worker.job_spec[];
  added text[];
BEGIN
  SELECT array_agg((task, p, NULL, run_after, NULL, k, NULL, NULL)::graphile_worker.job_spec ORDER BY n) INTO missing
    FROM unnest(keys, payloads) WITH ORDINALITY AS u(k, p, n);
  WHILE missing IS NOT NULL LOOP
    -- A job of the same key that a worker takes between two statements of add_jobs keeps it from adding one, without a
    -- word, although that worker may have looked before there was anything to do. Once more, it sees that the job is taken.
    SELECT array_agg(j.key) INTO added FROM graphile_worker.add_jobs(missing, true) AS j;
    EXIT WHEN cardinality(added) = cardinality(missing);
    SELECT array_agg(m ORDER BY m.job_key) INTO missing FROM unnest(missing) AS m WHERE (m.job_key = ANY (added)) IS NOT TRUE;
  END LOOP;
END $$;
