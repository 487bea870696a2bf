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

-- What visitors of webchats may use of what costs nothing to ask for, counted for all processes together. Subjects are
-- keyed hashes: a network's address, a visitor, a channel, a tenant. A crash of the database starts everybody anew.

-- How much of a window is used up, and when the window ends.
CREATE UNLOGGED TABLE directory.allowance (
  subject_hash bytea PRIMARY KEY,
  used         bigint NOT NULL,
  until        timestamptz NOT NULL
);
CREATE INDEX allowance_over ON directory.allowance (until);

-- Takes an amount for all subjects, or for none where one of them has not so much left (an amount of 0 asks for 1). In
-- the order of the subjects, so that no two wait in a circle. One row per subject, in the order in which they were given.
CREATE FUNCTION directory.take_allowance(subjects bytea[], maxima bigint[], windows_seconds int[], amount bigint)
  RETURNS TABLE (used bigint, seconds int, is_full boolean) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
  any_full boolean := false;
BEGIN
  FOR one IN SELECT s.subject, s.most, s.secs FROM unnest(subjects, maxima, windows_seconds) AS s(subject, most, secs) ORDER BY s.subject LOOP
    INSERT INTO directory.allowance AS a (subject_hash, used, until) VALUES (one.subject, amount, now() + make_interval(secs => one.secs))
    ON CONFLICT (subject_hash) DO UPDATE
       SET used = CASE WHEN a.until > now() THEN a.used + amount ELSE amount END,
           until = CASE WHEN a.until > now() THEN a.until ELSE excluded.until END;
    any_full := any_full OR (SELECT a.used - amount + greatest(amount, 1) > one.most FROM directory.allowance a WHERE a.subject_hash = one.subject);
  END LOOP;
  IF any_full THEN
    UPDATE directory.allowance a SET used = a.used - amount WHERE a.subject_hash = ANY (subjects);
  END IF;
  RETURN QUERY SELECT a.used, ceil(extract(epoch FROM a.until - now()))::int, any_full AND a.used + greatest(amount, 1) > s.most
    FROM unnest(subjects, maxima) WITH ORDINALITY AS s(subject, most, place) JOIN directory.allowance a ON a.subject_hash = s.subject ORDER BY s.place;
END $$;

-- The places that open streams take, at whatever process. Whoever dies does not renew theirs.
CREATE UNLOGGED TABLE directory.stream_place (
  stream_id uuid PRIMARY KEY,
  subjects  bytea[] NOT NULL,
  until     timestamptz NOT NULL
);
CREATE INDEX stream_place_subjects ON directory.stream_place USING gin (subjects);

-- A place for a stream, unless one of those whom it counts for has enough of them already.
CREATE FUNCTION directory.take_place(stream uuid, taken_by bytea[], maxima int[], lease_seconds int) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one record;
BEGIN
  -- One after another for the same subject: those who come at once would each not see the others.
  PERFORM pg_advisory_xact_lock(hashtextextended('stream/' || encode(s, 'hex'), 0)) FROM (SELECT u.s FROM unnest(taken_by) AS u(s) ORDER BY u.s) AS sorted;
  DELETE FROM directory.stream_place p WHERE p.subjects && taken_by AND p.until < now();
  FOR one IN SELECT u.subject, u.most FROM unnest(taken_by, maxima) AS u(subject, most) LOOP
    IF (SELECT count(*) FROM directory.stream_place p WHERE p.subjects @> ARRAY[one.subject]) >= one.most THEN RETURN false; END IF;
  END LOOP;
  INSERT INTO directory.stream_place (stream_id, subjects, until) VALUES (stream, taken_by, now() + make_interval(secs => lease_seconds));
  RETURN true;
END $$;

CREATE FUNCTION directory.renew_places(streams uuid[], lease_seconds int) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC UPDATE directory.stream_place p SET until = now() + make_interval(secs => lease_seconds) WHERE p.stream_id = ANY (streams); END;

CREATE FUNCTION directory.leave_places(streams uuid[]) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC DELETE FROM directory.stream_place p WHERE p.stream_id = ANY (streams); END;

CREATE FUNCTION directory.forget_allowances() RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    DELETE FROM directory.allowance a WHERE a.until < now();
    DELETE FROM directory.stream_place p WHERE p.until < now();
  END;
