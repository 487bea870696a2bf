-- Run at every start, after the migrations: what the application's login may do. It owns nothing, has no BYPASSRLS,
-- and may only insert into and read the audit tables. The login's name stands in custodia.login.
DO $$
DECLARE
  login text := current_setting('custodia.login');
  fn regprocedure;
  kind "char";
BEGIN
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA app, audit, directory FROM PUBLIC, %I', login);
  EXECUTE format('GRANT USAGE ON SCHEMA app, audit, directory TO %I', login);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO %I', login);
  -- consent is evidence: a change of mind is another event
  EXECUTE format('REVOKE UPDATE, DELETE ON app.consent_event FROM %I', login);
  -- a merge of contacts takes it along, an erasure its words: neither changes what was said, and when
  EXECUTE format('GRANT UPDATE (contact_id, sealed_evidence, key_contact_id) ON app.consent_event TO %I', login);
  -- and so is who was erased
  EXECUTE format('REVOKE UPDATE, DELETE ON app.erasure, app.erased_address FROM %I', login);
  -- by column: time and order are the server's
  EXECUTE format('GRANT SELECT ON audit.event, audit.readable_event TO %I', login);
  EXECUTE format('GRANT INSERT (tenant_id, event_id, actor_kind, actor_id, on_behalf_of, action, resource, shape_id, ids, counts, versions,
    row_count, outcome, code, purpose, query, sealed_note, change_subjects, sealed_changes, cause_id, request_id, ip) ON audit.event TO %I', login);
  EXECUTE format('GRANT SELECT, INSERT ON audit.shape TO %I', login);
  EXECUTE format('GRANT SELECT, INSERT ON audit.leaf, audit.node, audit.checkpoint, audit.signing_key TO %I', login);
  EXECUTE format('REVOKE UPDATE ON app.signing_secret FROM %I', login);
  EXECUTE format('GRANT USAGE ON SEQUENCE audit.event_sequence TO %I', login);
  EXECUTE format('GRANT USAGE ON SEQUENCE app.inbound_event_sequence_seq TO %I', login);
  FOR fn, kind IN SELECT p.oid, p.prokind FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                   WHERE n.nspname IN ('app', 'audit', 'directory', 'quiet', 'custodia')
  LOOP
    EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC, %I', fn, login);
    -- The procedures build tables, the quiet schema stands in for another one under the owner's rights, and what is in
    -- custodia is called by the server.
    IF kind = 'f' AND fn::text !~ '^(quiet|custodia)\.' THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', fn, login);
    END IF;
  END LOOP;
  EXECUTE format('REVOKE ALL ON FUNCTION audit.refuse() FROM %I', login);
END $$;
