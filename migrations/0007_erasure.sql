-- Erasing people. A row for each that was erased, written before anything of them goes: who did it, when, how much there
-- was. Of the person it holds the id of their tombstone, and of their addresses keyed hashes.
CREATE TABLE app.erasure (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  contact_id       uuid NOT NULL,
  -- the contacts that had been merged into it, and are erased with it
  merged_ids       uuid[] NOT NULL DEFAULT '{}',
  actor_kind       text NOT NULL,
  actor_id         uuid,
  on_behalf_of     uuid,
  -- {reason, ticket} under the tenant's key: why somebody was erased is asked for years later, when their own key is gone.
  -- It repeats no value of theirs: such a reason is refused.
  sealed_reason    bytea NOT NULL,
  -- how many rows of each kind there were
  counts           jsonb NOT NULL,
  -- whether the addresses were put on the suppression list
  suppressed       boolean NOT NULL,
  erased_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, id),
  -- nobody is erased twice
  UNIQUE (tenant_id, contact_id),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact
);

CREATE TABLE app.erased_address (
  tenant_id        uuid NOT NULL,
  erasure_id       uuid NOT NULL,
  identifier_hash  bytea NOT NULL,
  business_unit_id uuid NOT NULL,
  -- proved to be theirs until they were erased: what came from it before is part of what was erased
  was_held         boolean NOT NULL,
  erased_at        timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, erasure_id, identifier_hash),
  FOREIGN KEY (tenant_id, erasure_id) REFERENCES app.erasure
);
CREATE INDEX erased_address_hash ON app.erased_address (tenant_id, identifier_hash) WHERE was_held;

DO $$
DECLARE tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['app.erasure', 'app.erased_address'] LOOP
    CALL app.govern(tab::regclass);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.refuse()', tab);
  END LOOP;
END $$;

-- What belongs to a person is found by the person, and what points to it by what it points to: without these, the checks
-- of foreign keys would read all messages of a tenant for each row that goes.
CREATE INDEX inbound_event_contact ON app.inbound_event (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX contact_merged ON app.contact (tenant_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX message_reply ON app.message (tenant_id, reply_to_id) WHERE reply_to_id IS NOT NULL;
CREATE INDEX message_identity ON app.message (tenant_id, identity_id);
CREATE INDEX conversation_identity ON app.conversation (tenant_id, identity_id);

-- A tombstone stays one, whoever still has the person at hand: nothing changes it, nothing is added to it. Whoever was
-- a moment too late loses a race, and finds the tombstone when it tries again: hence the code of a lost race.
-- Runs behind the check of the foreign key ("RI_…" comes before it): that one has waited for an erasure under way, and
-- keeps the next one waiting.
CREATE FUNCTION app.refuse_erased() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  whose uuid;
BEGIN
  IF TG_TABLE_NAME = 'contact' THEN whose := NEW.merged_into_id; ELSE whose := NEW.contact_id; END IF;
  IF EXISTS (SELECT FROM app.contact c WHERE c.tenant_id = NEW.tenant_id AND c.id = whose AND c.state = 'erased') THEN
    RAISE EXCEPTION 'the contact of a row in %.% has been erased', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION app.keep_tombstone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the contact has been erased' USING ERRCODE = 'serialization_failure';
END $$;

CREATE TRIGGER tombstone BEFORE UPDATE OR DELETE ON app.contact FOR EACH ROW WHEN (OLD.state = 'erased')
  EXECUTE FUNCTION app.keep_tombstone();
CREATE TRIGGER unerased AFTER UPDATE OF merged_into_id ON app.contact FOR EACH ROW WHEN (NEW.merged_into_id IS NOT NULL)
  EXECUTE FUNCTION app.refuse_erased();

-- For a table whose rows belong to contacts by contact_id.
CREATE PROCEDURE app.follow_contact(tab regclass, deferred boolean) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE %s TRIGGER unerased AFTER INSERT OR UPDATE OF contact_id ON %s %s FOR EACH ROW EXECUTE FUNCTION app.refuse_erased()',
    CASE WHEN deferred THEN 'CONSTRAINT' ELSE '' END, tab, CASE WHEN deferred THEN 'DEFERRABLE INITIALLY DEFERRED' ELSE '' END);
END $$;

DO $$
DECLARE tab regclass; deferred boolean;
BEGIN
  FOR tab, deferred IN SELECT conrelid::regclass, condeferred FROM pg_constraint
      WHERE contype = 'f' AND confrelid = 'app.contact'::regclass AND conrelid NOT IN ('app.contact'::regclass, 'app.erasure'::regclass)
  LOOP CALL app.follow_contact(tab, deferred); END LOOP;
END $$;

-- Whether some of these records are there no longer, in whatever business unit: asked by those who see only some of them.
CREATE FUNCTION app.are_some_gone(tenant uuid, tab regclass, ids uuid[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  was text := coalesce(current_setting('app.all_units', true), '');
  found bigint;
BEGIN
  PERFORM set_config('app.all_units', 'on', true);
  EXECUTE format('SELECT count(*) FROM %s AS t WHERE t.tenant_id = $1 AND t.id = ANY ($2)', tab) INTO found USING tenant, ids;
  PERFORM set_config('app.all_units', was, true);
  RETURN found < cardinality(ids);
END $$;

-- Whether anybody carries a tag, in whatever business unit: asked by those who see only some of them. The setting is
-- made in the body: in the head of a function only a superuser may name it.
CREATE FUNCTION app.tag_is_carried(tenant uuid, tag text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  was text := coalesce(current_setting('app.all_units', true), '');
  found boolean;
BEGIN
  PERFORM set_config('app.all_units', 'on', true);
  found := EXISTS (SELECT FROM app.contact c WHERE c.tenant_id = tenant AND c.tags @> ARRAY[tag])
        OR EXISTS (SELECT FROM app.conversation c WHERE c.tenant_id = tenant AND c.tags @> ARRAY[tag]);
  PERFORM set_config('app.all_units', was, true);
  RETURN found;
END $$;
