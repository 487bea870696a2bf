-- Who a person is: contacts that were joined into one, addresses that stand for nobody in particular, and the same human
-- across business units.

-- One contact that went into another. What the merge did is kept until it is taken back, so that it can be.
CREATE TABLE app.contact_merge (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  -- the one that stays, and the one that went into it
  contact_id       uuid NOT NULL,
  merged_id        uuid NOT NULL,
  -- those that one request has joined
  request_id       uuid NOT NULL,
  -- the version of the contact that it led to: merges of one contact are told apart by their order
  contact_version  int NOT NULL,
  -- the rows that moved and those that the contact had itself, as ids; {} once it was taken back
  moved            jsonb NOT NULL,
  -- how many rows of each kind moved
  counts           jsonb NOT NULL,
  -- what became of the contact's own fields, under the contact's key; null once it was taken back
  sealed_fields    bytea,
  merged_at        timestamptz NOT NULL DEFAULT now(),
  unmerged_at      timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit,
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, merged_id) REFERENCES app.contact
);
CREATE UNIQUE INDEX contact_merge_open ON app.contact_merge (tenant_id, merged_id) WHERE unmerged_at IS NULL;
CREATE INDEX contact_merge_merged ON app.contact_merge (tenant_id, merged_id);
CREATE INDEX contact_merge_contact ON app.contact_merge (tenant_id, contact_id, contact_version);
CREATE INDEX contact_merge_request ON app.contact_merge (tenant_id, request_id);

-- Two contacts of whom somebody has said that they are not the same person; the lower id first.
CREATE TABLE app.merge_dismissal (
  tenant_id        uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  contact_id       uuid NOT NULL,
  other_id         uuid NOT NULL,
  dismissed_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, contact_id, other_id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, other_id) REFERENCES app.contact
);
CREATE INDEX merge_dismissal_other ON app.merge_dismissal (tenant_id, other_id);

-- Two contacts of whom a provider has said that they are one, by naming addresses of both as one person's; the lower id
-- first. Nobody is joined by it without being asked.
CREATE TABLE app.merge_hint (
  tenant_id        uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  contact_id       uuid NOT NULL,
  other_id         uuid NOT NULL,
  said_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, contact_id, other_id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES app.contact,
  FOREIGN KEY (tenant_id, other_id) REFERENCES app.contact
);
CREATE INDEX merge_hint_other ON app.merge_hint (tenant_id, other_id);

-- Addresses that a business unit has marked as never identifying (a family's phone, info@), as keyed hashes: in whatever
-- form and from whomever they come.
CREATE TABLE app.shared_address (
  tenant_id        uuid NOT NULL,
  business_unit_id uuid NOT NULL,
  identifier_hash  bytea NOT NULL,
  marked_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, business_unit_id, identifier_hash),
  FOREIGN KEY (tenant_id, business_unit_id) REFERENCES app.business_unit
);
ALTER TABLE app.identity ADD COLUMN identifying boolean NOT NULL DEFAULT true;
-- With which address of the same person it was met: it goes where that one goes when a merge is taken back.
ALTER TABLE app.identity ADD COLUMN met_with_id uuid;

-- The same human across business units, known by verified addresses. No unit's own: none of them learns of the others.
CREATE TABLE app.subject (
  tenant_id      uuid NOT NULL REFERENCES app.tenant,
  id             uuid NOT NULL,
  -- two that turned out to be one
  merged_into_id uuid,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, merged_into_id) REFERENCES app.subject
);
CREATE INDEX subject_merged ON app.subject (tenant_id, merged_into_id) WHERE merged_into_id IS NOT NULL;
CREATE TABLE app.subject_address (
  tenant_id       uuid NOT NULL,
  identifier_hash bytea NOT NULL,
  subject_id      uuid NOT NULL,
  PRIMARY KEY (tenant_id, identifier_hash),
  FOREIGN KEY (tenant_id, subject_id) REFERENCES app.subject
);
CREATE INDEX subject_address_subject ON app.subject_address (tenant_id, subject_id);
ALTER TABLE app.contact ADD COLUMN subject_id uuid;
ALTER TABLE app.contact ADD FOREIGN KEY (tenant_id, subject_id) REFERENCES app.subject;
CREATE INDEX contact_subject ON app.contact (tenant_id, subject_id) WHERE subject_id IS NOT NULL;

DO $$
DECLARE tab text;
BEGIN
  FOREACH tab IN ARRAY ARRAY['app.contact_merge', 'app.merge_dismissal', 'app.merge_hint', 'app.shared_address', 'app.subject', 'app.subject_address'] LOOP
    CALL app.govern(tab::regclass);
  END LOOP;
END $$;

-- A contact that was merged is nobody's any more: what is written for it belongs to the one that it went into. Whoever
-- was a moment too late loses a race, as with those that were erased. What stands there already may be touched.
CREATE OR REPLACE FUNCTION app.refuse_erased() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  whose uuid;
  theirs text;
  is_moved boolean;
BEGIN
  IF TG_TABLE_NAME = 'contact' THEN
    whose := NEW.merged_into_id;
    is_moved := OLD.merged_into_id IS DISTINCT FROM whose;
  ELSE
    whose := NEW.contact_id;
    is_moved := TG_OP = 'INSERT' OR OLD.contact_id IS DISTINCT FROM whose;
  END IF;
  SELECT c.state INTO theirs FROM app.contact c WHERE c.tenant_id = NEW.tenant_id AND c.id = whose;
  IF theirs = 'erased' OR theirs = 'merged' AND is_moved THEN
    RAISE EXCEPTION 'the contact of a row in %.% has been %', TG_TABLE_SCHEMA, TG_TABLE_NAME, theirs USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN NULL;
END $$;
CALL app.follow_contact('app.contact_merge', false);
CALL app.follow_contact('app.merge_dismissal', false);
CALL app.follow_contact('app.merge_hint', false);

-- The subject of a contact whose verified addresses these are: the one that is known by any of them, in whatever unit,
-- else the new one. Called under the locks of the addresses. Touches no contact but this one, so that no other unit can
-- tell: subjects that turn out to be one are joined among themselves.
CREATE FUNCTION app.link_subject(tenant uuid, contact uuid, hashes bytea[], fresh uuid) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
  own uuid := (SELECT c.subject_id FROM app.contact c WHERE c.tenant_id = tenant AND c.id = contact);
  roots uuid[];
  root uuid;
BEGIN
  -- One that was joined to another names the one that stands, never a third.
  roots := ARRAY(SELECT DISTINCT coalesce(s.merged_into_id, s.id) AS id FROM app.subject s WHERE s.tenant_id = tenant
     AND s.id IN (SELECT a.subject_id FROM app.subject_address a WHERE a.tenant_id = tenant AND a.identifier_hash = ANY (hashes) UNION ALL SELECT own)
    ORDER BY id);
  root := coalesce(roots[1], fresh);
  IF cardinality(roots) = 0 THEN INSERT INTO app.subject (tenant_id, id) VALUES (tenant, root); END IF;
  IF cardinality(roots) > 1 THEN
    UPDATE app.subject s SET merged_into_id = root WHERE s.tenant_id = tenant AND (s.id = ANY (roots[2:]) OR s.merged_into_id = ANY (roots[2:]));
  END IF;
  INSERT INTO app.subject_address (tenant_id, identifier_hash, subject_id) SELECT tenant, h, root FROM unnest(hashes) AS h ON CONFLICT DO NOTHING;
  IF own IS NULL THEN UPDATE app.contact c SET subject_id = root WHERE c.tenant_id = tenant AND c.id = contact; END IF;
  RETURN root;
END $$;

-- Forgets subjects that stand for nobody any more, in any business unit, with the addresses by which they were known.
CREATE FUNCTION app.forget_subjects(tenant uuid, subjects uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  was text := coalesce(current_setting('app.all_units', true), '');
  gone uuid[];
BEGIN
  PERFORM set_config('app.all_units', 'on', true);
  gone := ARRAY(SELECT s.id FROM app.subject s WHERE s.tenant_id = tenant AND s.id = ANY (subjects)
    AND NOT EXISTS (SELECT FROM app.contact c WHERE c.tenant_id = tenant AND c.subject_id = s.id)
    AND NOT EXISTS (SELECT FROM app.subject m WHERE m.tenant_id = tenant AND m.merged_into_id = s.id));
  DELETE FROM app.subject_address a WHERE a.tenant_id = tenant AND a.subject_id = ANY (gone);
  DELETE FROM app.subject s WHERE s.tenant_id = tenant AND s.id = ANY (gone);
  PERFORM set_config('app.all_units', was, true);
END $$;
