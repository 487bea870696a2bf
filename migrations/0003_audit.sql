-- Who did what to which records and which fields, why, and whether it was allowed. Written in the transaction of the
-- access itself; never changed. Time and order are stamped here, never by the caller.
CREATE SEQUENCE audit.event_sequence AS bigint;

CREATE TABLE audit.event (
  tenant_id      uuid NOT NULL,
  event_id       uuid NOT NULL,
  occurred_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- raised by the start-up (a new column default) when the cluster's identifier has changed
  epoch          int NOT NULL DEFAULT 1,
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  sequence       bigint NOT NULL DEFAULT nextval('audit.event_sequence'),
  actor_kind     text NOT NULL,
  actor_id       uuid,
  -- the member for whom an API key acts
  on_behalf_of   uuid,
  action         text NOT NULL,
  resource       text NOT NULL,
  -- which fields of which resources, see audit.shape
  shape_id       uuid NOT NULL,
  -- the records of the shape's parts one after the other, then the contacts concerned that are not among them
  ids            uuid[] NOT NULL,
  -- how many of the ids each part has; NULL: there is one part and all are its
  counts         int[],
  -- the version that a change led to, by part
  versions       int[],
  row_count      int NOT NULL,
  outcome        text NOT NULL,
  -- the stable code of a refusal
  code           text,
  purpose        text,
  -- filters and sorts as they were asked, values as keyed hashes
  query          jsonb,
  -- encrypted under the contact's key: reasons, tickets
  sealed_note    bytea,
  -- what fields were and became, each encrypted under the key of the contact at the same place
  change_subjects uuid[],
  sealed_changes bytea[],
  -- what caused a system's work: an inbound event, a job
  cause_id       uuid,
  request_id     text,
  ip             inet,
  -- sealed with the event, and told to nobody who may not read all of it: from its hash alone, who sees it in part could
  -- otherwise find by trying what stands in the rest
  salt           uuid NOT NULL DEFAULT gen_random_uuid(),
  PRIMARY KEY (tenant_id, occurred_at, event_id)
) PARTITION BY RANGE (occurred_at);

CREATE TABLE audit.event_default PARTITION OF audit.event DEFAULT;

CREATE INDEX event_id ON audit.event (tenant_id, event_id);
-- By record and by contact. Ids are unique by themselves: the tenant in front would be one entry with all events.
CREATE INDEX event_ids ON audit.event USING gin (ids);
CREATE INDEX event_actor ON audit.event (tenant_id, actor_id, occurred_at DESC);
CREATE INDEX event_on_behalf ON audit.event (tenant_id, on_behalf_of, occurred_at DESC) WHERE on_behalf_of IS NOT NULL;
CREATE INDEX event_denied ON audit.event (tenant_id, occurred_at DESC, event_id DESC) WHERE outcome = 'denied';
-- By contact, of events that keep what was changed: a few of all.
CREATE INDEX event_changes ON audit.event USING gin (change_subjects) WHERE change_subjects IS NOT NULL;
CREATE INDEX event_order ON audit.event (tenant_id, epoch, transaction_id, sequence);

-- What only who writes by hand would put there, and what no reader of events could make sense of. (Other odd forms are
-- sealed, and named by audit:verify.)
ALTER TABLE audit.event ADD CONSTRAINT readable CHECK (
  coalesce(array_ndims(ids), 1) = 1 AND array_position(ids, NULL) IS NULL
  AND (counts IS NULL OR coalesce(array_ndims(counts), 1) = 1 AND array_position(counts, NULL) IS NULL)
  AND octet_length(actor_kind) <= 64 AND octet_length(action) <= 64 AND octet_length(resource) <= 64 AND octet_length(outcome) <= 64
  AND (code IS NULL OR octet_length(code) <= 64) AND (request_id IS NULL OR octet_length(request_id) <= 64)
  AND (purpose IS NULL OR octet_length(purpose) <= 64)
  AND (query IS NULL OR pg_column_size(query) < 4000 OR NOT jsonb_path_exists(query, '$.**{200}')));

CREATE FUNCTION audit.shape_id(shape jsonb) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN substr(encode(sha256(convert_to(shape::text, 'UTF8')), 'hex'), 1, 32)::uuid;

-- [{resource, shown, masked, changed?}]: the same lists of names come with every event, and are two thirds of it. The id
-- is made of the content, so that nobody can change what an event says by changing its shape; nor take an id beforehand
-- with a shape of their own, which the next event of that id would find there.
CREATE TABLE audit.shape (
  tenant_id uuid NOT NULL,
  shape_id  uuid NOT NULL,
  shape     jsonb NOT NULL,
  PRIMARY KEY (tenant_id, shape_id),
  CONSTRAINT shape_is_its_id CHECK (shape_id = audit.shape_id(shape)),
  CONSTRAINT readable CHECK (jsonb_typeof(shape) = 'array' AND NOT jsonb_path_exists(shape, 'strict $[*] ? (@.type() != "object")')
    AND NOT jsonb_path_exists(shape, '$[*] ? (!(@.resource.type() == "string" && @.shown.type() == "array" && @.masked.type() == "array")
    || exists(@.shown[*] ? (@.type() != "string")) || exists(@.masked[*] ? (@.type() != "string"))
    || (exists(@.changed) && @.changed.type() != "array") || exists(@.changed[*] ? (@.type() != "string")))'))
);

-- An event as it is shown: [{resource, ids, shown, masked, changed?, version?}]
CREATE FUNCTION audit.touched(shape jsonb, ids uuid[], counts int[], versions int[]) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN (SELECT coalesce(jsonb_agg(part || jsonb_build_object('ids', to_jsonb(ids[beyond - size + 1 : beyond]))
                                    || CASE WHEN versions[n] IS NULL THEN '{}' ELSE jsonb_build_object('version', versions[n]) END ORDER BY n), '[]')
            FROM (SELECT part, n, size, sum(size) OVER (ORDER BY n) AS beyond
                    FROM (SELECT part, n, CASE WHEN counts IS NULL THEN cardinality(ids) ELSE counts[n] END AS size
                            FROM jsonb_array_elements(shape) WITH ORDINALITY AS s(part, n)) AS sized) AS placed);

-- The contacts concerned.
CREATE FUNCTION audit.subjects(shape jsonb, ids uuid[], counts int[]) RETURNS uuid[]
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ARRAY(SELECT DISTINCT u FROM (
    SELECT (jsonb_array_elements_text(part->'ids'))::uuid FROM jsonb_array_elements(audit.touched(shape, ids, counts, NULL)) AS part
     WHERE part->>'resource' = 'contacts'
    UNION ALL SELECT unnest(ids[(SELECT sum(c) FROM unnest(counts) AS c) + 1 :]) WHERE counts IS NOT NULL) AS s(u));

-- Events with their shapes put in again. As the caller: its own rights and row-level security hold.
CREATE VIEW audit.readable_event WITH (security_invoker = true) AS
  SELECT e.tenant_id, e.event_id, e.occurred_at, e.epoch, e.transaction_id, e.sequence, e.actor_kind, e.actor_id, e.on_behalf_of,
         e.action, e.resource, audit.touched(s.shape, e.ids, e.counts, e.versions) AS touched,
         -- most events are of contacts alone, or of none: these need no looking into their parts
         CASE WHEN e.counts IS NOT NULL THEN audit.subjects(s.shape, e.ids, e.counts)
              WHEN s.shape->0->>'resource' = 'contacts' THEN e.ids ELSE '{}' END AS subject_ids, e.ids, e.counts, e.shape_id, e.row_count, e.outcome, e.code, e.purpose, e.query,
         e.sealed_note, e.change_subjects, e.sealed_changes, e.cause_id, e.request_id, e.ip
    FROM audit.event AS e LEFT JOIN audit.shape AS s ON s.tenant_id = e.tenant_id AND s.shape_id = e.shape_id;

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- The server's log keeps this, whatever becomes of the transaction.
  RAISE LOG 'refused: % on %.% by %', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME, session_user;
  RAISE EXCEPTION 'audit rows are append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE PROCEDURE audit.guard(tab regclass, is_partition boolean) LANGUAGE plpgsql AS $$
BEGIN
  -- row triggers of the parent are inherited by its partitions; statement triggers (TRUNCATE) are not
  IF NOT is_partition THEN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.refuse()', tab);
  END IF;
  EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()', tab);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tab);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tab);
  EXECUTE format('CREATE POLICY tenant ON %s USING (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)'
              || ' WITH CHECK (tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid)', tab);
END $$;

CALL audit.guard('audit.event', false);
CALL audit.guard('audit.event_default', true);
CALL audit.guard('audit.shape', false);

-- Makes this month's partition and the next ones; called at every start and daily. The DEFAULT partition stands behind
-- them: a late start loses nothing, and a month that already has rows there simply stays there.
CREATE FUNCTION audit.make_partitions(months_ahead int DEFAULT 3) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  month date; name text; made int := 0;
  was text := coalesce(current_setting('custodia.audit_ddl', true), '');
BEGIN
  PERFORM set_config('custodia.audit_ddl', 'on', true);
  PERFORM pg_advisory_xact_lock(hashtextextended('audit.make_partitions', 0));
  FOR i IN 0..months_ahead LOOP
    month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date;
    name := 'event_' || to_char(month, 'YYYY_MM');
    IF to_regclass('audit.' || name) IS NOT NULL THEN CONTINUE; END IF;
    BEGIN
      EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.event FOR VALUES FROM (%L) TO (%L)', name,
                     to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
      EXECUTE format('CALL audit.guard(%L, true)', 'audit.' || name);
      made := made + 1;
    EXCEPTION WHEN check_violation THEN
      RAISE WARNING 'audit.event_default already holds rows of %, they stay there', name;
    END;
  END LOOP;
  CALL audit.name_partitions();
  PERFORM set_config('custodia.audit_ddl', was, true);
  RETURN made;
END $$;
