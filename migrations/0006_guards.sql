-- What the database itself holds to, whoever asks it: application, owner or superuser.
--
-- 1. No change of a tenant's table is committed without an audit event of the same transaction and tenant. A path of the
--    code that forgets its event fails loudly; so does a change by hand. A look at the events themselves, at the commit:
--    a mark that says "there is one" could be set by whoever writes the change.
--    A superuser can switch this off, in so many words: SET session_replication_role = replica.
-- 2. What the audit consists of (tables, partitions, triggers, policies, functions) is altered and dropped by migrations
--    only, and by whoever says custodia.audit_ddl = 'on'. See directory.refuse_audit_ddl.

-- Writes audit.demand_event, the trigger function, with the partitions of these months in it: asked through their parent,
-- every partition of every year would be opened and locked for each row (48 µs with 64 of them; one alone takes 6 µs,
-- however many there are). Called by audit.make_partitions, under its custodia.audit_ddl.
--
-- The function looks for an event of the transaction and of the row's tenant. It runs under the owner's rights, since the
-- application reads events through their parent only; and it is STABLE, since a look needs no snapshot of its own.
-- It asks for an order that only event_order has, and may not sort: in a month that has just begun all indexes look alike
-- to the planner, and a connection keeps its plan; by another one, a look read every event of the tenant (0.5 ms after
-- 2,000 of them).
-- Around the turn of a month, and in a month without a partition of its own, the parent is asked. An hour on either side
-- is for clocks that are set while a transaction runs.
CREATE PROCEDURE audit.name_partitions() LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $make$
DECLARE
  epoch int := coalesce((SELECT i.epoch FROM directory.installation i), 1);
  look text := 'PERFORM FROM audit.%I AS e WHERE e.tenant_id = tenant AND e.epoch = %s AND e.transaction_id = pg_current_xact_id()%s ORDER BY e.sequence LIMIT 1';
  looks text := '';
  month timestamp;
  name text;
  body text;
BEGIN
  FOR i IN -1..3 LOOP
    month := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i);
    name := 'event_' || to_char(month, 'YYYY_MM');
    CONTINUE WHEN to_regclass('audit.' || name) IS NULL;
    looks := looks || format('ELSIF first >= %L AND last < %L THEN' || chr(10) || '    %s;' || chr(10) || '  ',
      month::text || '+00', (month + interval '1 month')::text || '+00', format(look, name, epoch, ''));
  END LOOP;
  body := format($body$
DECLARE
  first timestamptz := transaction_timestamp() - interval '1 hour';
  last timestamptz := statement_timestamp() + interval '1 hour';
  tenant uuid;
BEGIN
  IF TG_OP = 'DELETE' THEN
    tenant := OLD.tenant_id;
  ELSIF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND OLD.tenant_id = NEW.tenant_id THEN
    tenant := NEW.tenant_id;
  END IF;
  IF tenant IS NULL THEN
    -- a TRUNCATE, or a row that would change its tenant: no event can say so
  %s ELSE
    %s;
  END IF;
  IF FOUND THEN RETURN NULL; END IF;
  -- The server's log keeps this, whatever becomes of the transaction.
  RAISE LOG 'refused: %% on %%.%% by %% without an audit event', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME, session_user;
  RAISE EXCEPTION '%% on %%.%% without an audit event of the same transaction is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $body$, looks, format(look, 'event', epoch, ' AND e.occurred_at BETWEEN first AND last'));
  IF body IS DISTINCT FROM (SELECT p.prosrc FROM pg_proc p WHERE p.oid = to_regprocedure('audit.demand_event()')) THEN
    EXECUTE format('CREATE OR REPLACE FUNCTION audit.demand_event() RETURNS trigger LANGUAGE plpgsql STABLE SECURITY DEFINER'
      || ' SET search_path = pg_catalog, pg_temp SET enable_sort = off AS %L', body);
  END IF;
END $make$;
CALL audit.name_partitions();

-- One line per table that belongs to tenants, as before; its changes demand an event.
ALTER PROCEDURE app.govern(regclass) RENAME TO isolate;

CREATE PROCEDURE app.demand_events(tab regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE CONSTRAINT TRIGGER recorded AFTER INSERT OR UPDATE OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED'
    || ' FOR EACH ROW EXECUTE FUNCTION audit.demand_event()', tab);
  EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION audit.demand_event()', tab);
END $$;

CREATE PROCEDURE app.govern(tab regclass) LANGUAGE plpgsql AS $$
BEGIN
  CALL app.isolate(tab);
  CALL app.demand_events(tab);
END $$;

DO $$
DECLARE tab regclass;
BEGIN
  FOR tab IN SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'app' AND c.relkind IN ('r', 'p')
  LOOP CALL app.demand_events(tab); END LOOP;
END $$;

-- For event triggers, which only a superuser may make (the start says so where it may not). Outside the schema that it
-- guards: DROP SCHEMA audit CASCADE would take it along and pass unseen.
CREATE FUNCTION directory.refuse_audit_ddl() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  met text;
BEGIN
  IF current_setting('custodia.audit_ddl', true) = 'on' THEN RETURN; END IF;
  IF TG_EVENT = 'sql_drop' THEN
    SELECT d.object_identity INTO met FROM pg_event_trigger_dropped_objects() AS d
     WHERE NOT d.is_temporary AND (d.schema_name = 'audit' OR d.object_identity ~ '(^| )audit\M'
        OR d.object_type = 'table' AND d.schema_name = 'app'
        OR d.object_type = 'trigger' AND d.address_names[1] = 'app' AND d.address_names[3] IN ('recorded', 'no_truncate')
        OR d.object_identity = 'custodia.refuse_guard_ddl()') LIMIT 1;
  ELSE
    SELECT c.object_identity INTO met FROM pg_event_trigger_ddl_commands() AS c
     -- what is made of temporary tables, and upkeep that changes no definition
     WHERE c.schema_name IS DISTINCT FROM 'pg_temp' AND c.command_tag NOT IN ('REINDEX', 'COMMENT')
       AND (c.schema_name = 'audit' OR c.object_identity ~ '(^| )audit\M' OR c.object_identity = 'custodia.refuse_guard_ddl()') LIMIT 1;
    -- What an ALTER leaves behind: a guard that is off, or moved away together with its table.
    IF met IS NULL THEN
      SELECT format('%s on %s', t.tgname, c.object_identity) INTO met FROM pg_event_trigger_ddl_commands() AS c
        JOIN pg_trigger AS t ON t.tgrelid = c.objid JOIN pg_class AS r ON r.oid = t.tgrelid
       WHERE c.classid = 'pg_class'::regclass AND t.tgfoid IN (to_regproc('audit.demand_event'), to_regproc('audit.refuse'))
         AND (t.tgenabled IN ('D', 'R') OR r.relnamespace NOT IN (to_regnamespace('app'), to_regnamespace('audit'))) LIMIT 1;
    END IF;
    IF met IS NULL AND (to_regclass('audit.event') IS NULL OR to_regproc('audit.refuse') IS NULL OR to_regproc('audit.demand_event') IS NULL) THEN
      met := 'schema audit';
    END IF;
  END IF;
  IF met IS NOT NULL THEN
    RAISE LOG 'refused: % of % by %', TG_TAG, met, session_user;
    RAISE EXCEPTION 'what the audit consists of is not altered: % of %', TG_TAG, met USING ERRCODE = 'insufficient_privilege',
      HINT = 'Migrations do so under custodia.audit_ddl = ''on''.';
  END IF;
END $$;

-- Whoever replaces or drops the function above has it out of the way at once: this one watches over it, and is watched
-- over by it. In another schema, so that none of the two goes with the other's.
CREATE FUNCTION custodia.refuse_guard_ddl() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  guard text := 'directory.refuse_audit_ddl()';
  is_met boolean;
BEGIN
  IF current_setting('custodia.audit_ddl', true) = 'on' THEN RETURN; END IF;
  IF TG_EVENT = 'sql_drop' THEN
    is_met := EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d WHERE d.object_identity = guard);
  ELSE
    is_met := EXISTS (SELECT FROM pg_event_trigger_ddl_commands() AS c WHERE c.object_identity = guard) OR to_regprocedure(guard) IS NULL;
  END IF;
  IF is_met THEN
    RAISE LOG 'refused: % of % by %', TG_TAG, guard, session_user;
    RAISE EXCEPTION 'what the audit consists of is not altered: % of %', TG_TAG, guard USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
