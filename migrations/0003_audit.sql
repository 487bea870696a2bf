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
  -- [{resource, ids, shown, masked, changed?, versions?}]
  touched        jsonb NOT NULL,
  subject_ids    uuid[] NOT NULL,
  row_count      int NOT NULL,
  outcome        text NOT NULL,
  -- the stable code of a refusal
  code           text,
  purpose        text,
  -- filters and sorts as they were asked, values as keyed hashes
  query          jsonb,
  -- encrypted under the contact's key: reasons, tickets
  sealed_note    bytea,
  -- what caused a system's work: an inbound event, a job
  cause_id       uuid,
  request_id     text,
  ip             inet,
  PRIMARY KEY (tenant_id, occurred_at, event_id)
) PARTITION BY RANGE (occurred_at);

CREATE TABLE audit.event_default PARTITION OF audit.event DEFAULT;

CREATE INDEX event_subject ON audit.event USING gin (tenant_id, subject_ids);
CREATE INDEX event_touched ON audit.event USING gin (tenant_id, touched jsonb_path_ops);
CREATE INDEX event_actor ON audit.event (tenant_id, actor_id, occurred_at DESC);
CREATE INDEX event_order ON audit.event (tenant_id, epoch, transaction_id, sequence);

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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

-- Makes this month's partition and the next ones; called at every start and daily. The DEFAULT partition stands behind
-- them: a late start loses nothing, and a month that already has rows there simply stays there.
CREATE FUNCTION audit.make_partitions(months_ahead int DEFAULT 3) RETURNS int
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  month date; name text; made int := 0;
BEGIN
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
  RETURN made;
END $$;
