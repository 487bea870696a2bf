-- What a visitor of a webchat may see, in the order in which it became so. A stream goes on where it broke off by this
-- number: it rises within a conversation in the order of commits, since whoever takes one holds the conversation's lock
-- until then. Null where no visitor sees the message (other channels, what is not sent yet).
ALTER TABLE app.message ADD COLUMN visitor_sequence bigint;
CREATE INDEX message_visitor ON app.message (tenant_id, conversation_id, visitor_sequence) WHERE visitor_sequence IS NOT NULL;

CREATE FUNCTION app.number_for_visitor() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- What was seen once is numbered again whatever becomes of it: also that it is gone has to be told.
  IF NEW.visitor_sequence IS NULL THEN
    IF NEW.state <> 'active' OR NEW.type = 'system' OR NEW.direction = 'outbound' AND NEW.status NOT IN ('sent', 'delivered', 'read') THEN
      RETURN NEW;
    END IF;
    PERFORM FROM app.channel AS c WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.channel_id AND c.type = 'webchat';
    IF NOT FOUND THEN RETURN NEW; END IF;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('visitor/' || NEW.conversation_id, 0));
  NEW.visitor_sequence := 1 + coalesce((SELECT max(m.visitor_sequence) FROM app.message AS m
    WHERE m.tenant_id = NEW.tenant_id AND m.conversation_id = NEW.conversation_id AND m.visitor_sequence IS NOT NULL), 0);
  RETURN NEW;
END $$;

CREATE TRIGGER numbered_for_visitor BEFORE INSERT ON app.message FOR EACH ROW EXECUTE FUNCTION app.number_for_visitor();
-- How far it has come matters only where it becomes visible by that.
CREATE TRIGGER renumbered_for_visitor BEFORE UPDATE ON app.message FOR EACH ROW
  WHEN (NEW.visitor_sequence IS NULL AND NEW.status IS DISTINCT FROM OLD.status
     OR (NEW.text, NEW.type, NEW.state, NEW.edited_at, NEW.deleted_at, NEW.attachment_ids) IS DISTINCT FROM (OLD.text, OLD.type, OLD.state, OLD.edited_at, OLD.deleted_at, OLD.attachment_ids))
  EXECUTE FUNCTION app.number_for_visitor();
