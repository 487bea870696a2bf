-- What all channels share: addresses that bounce, how far the customer has come, handles to answer by, the pace of
-- sending, and how a channel was made known to its provider.

-- An address that its provider called undeliverable: nothing is sent there until somebody writes from it again.
ALTER TABLE app.identity ADD COLUMN undeliverable_at timestamptz;
ALTER TABLE app.identity ADD COLUMN undeliverable_reason text;

-- How far the customer has come with what was sent to them: also for what is on its way when they say so.
ALTER TABLE app.conversation ADD COLUMN delivered_up_to timestamptz;
ALTER TABLE app.conversation ADD COLUMN read_up_to timestamptz;
-- The provider's handle on the customer's last event (LINE): under the contact's key, good for one answer, for a minute.
ALTER TABLE app.conversation ADD COLUMN sealed_reply_handle bytea;
ALTER TABLE app.conversation ADD COLUMN reply_handle_until timestamptz;

-- Its turn among the messages of the account and to the recipient; null: it has none yet.
ALTER TABLE app.message ADD COLUMN slot_at timestamptz;
-- It was given the handle, which no provider knows again: whatever became of it, it is not repeated.
ALTER TABLE app.message ADD COLUMN had_reply_handle boolean NOT NULL DEFAULT false;
-- Of an answer, what it has settled when it was written: since when the contact waited, and how much was unanswered. When
-- it fails, that is owed again.
ALTER TABLE app.message ADD COLUMN owed_since timestamptz;
ALTER TABLE app.message ADD COLUMN owed_count int NOT NULL DEFAULT 0;

-- What else proves it: the message that it came with or answers, the address at which it was said, and its words, sealed
-- under the key of the contact for whom it was kept, so that an erasure takes them and leaves the fact. No foreign keys:
-- messages and addresses go with their contact.
ALTER TABLE app.consent_event ADD COLUMN evidence_message_id uuid;
ALTER TABLE app.consent_event ADD COLUMN identity_id uuid;
ALTER TABLE app.consent_event ADD COLUMN sealed_evidence bytea;
ALTER TABLE app.consent_event ADD COLUMN key_contact_id uuid;
-- One event may be the wish of several contacts, who can be merged later: each of them has it once.
ALTER TABLE app.consent_event DROP CONSTRAINT consent_event_tenant_id_evidence_event_id_category_key;
CREATE UNIQUE INDEX consent_event_evidence ON app.consent_event (tenant_id, evidence_event_id, category, key_contact_id);

-- Whether the provider knows where to post: null where it has no interface for that.
ALTER TABLE app.channel ADD COLUMN connect_state text;
ALTER TABLE app.channel ADD COLUMN connect_error text;
ALTER TABLE app.channel ADD COLUMN connected_at timestamptz;
ALTER TABLE app.channel ADD COLUMN connected_url text;
-- Health counts what has failed lately. What waits is found by the queues' own indexes.
-- Which message an event was about that came too early and was given up (a keyed hash of the provider's id): should the
-- message come after all, even days later, the event is taken up again.
ALTER TABLE app.inbound_event ADD COLUMN awaits bytea;
CREATE INDEX inbound_event_awaiting ON app.inbound_event (tenant_id, awaits) WHERE awaits IS NOT NULL;
CREATE INDEX inbound_event_failed ON app.inbound_event (tenant_id, channel_id, received_at) WHERE status = 'failed';
CREATE INDEX message_failed ON app.message (tenant_id, channel_id, updated_at) WHERE status IN ('failed', 'unknown');
CREATE INDEX attachment_troubled ON app.attachment (tenant_id, channel_id, updated_at) WHERE status IN ('failed', 'pending');

-- The pace of sending (a token bucket as one moment: GCRA, ITU-T I.371): when the next message of a channel's account, or
-- to an address, has its turn. Beside their rows, so that a turn is given without anybody waiting for those.
CREATE TABLE app.send_pace (
  tenant_id    uuid NOT NULL REFERENCES app.tenant,
  -- a channel or an identity
  pace_id      uuid NOT NULL,
  next_at      timestamptz NOT NULL,
  -- the provider has asked for patience
  paused_until timestamptz,
  PRIMARY KEY (tenant_id, pace_id)
) WITH (fillfactor = 50);
CREATE INDEX send_pace_over ON app.send_pace (tenant_id, next_at);

CALL app.govern('app.send_pace');

-- What a watermark can still move.
CREATE INDEX message_underway ON app.message (tenant_id, conversation_id) WHERE direction = 'outbound' AND status IN ('sent', 'delivered');
