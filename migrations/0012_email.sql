-- Large bytes of an inbound event (a mail with its attachments) lie in the file store, encrypted under a key that stands
-- in the sealed payload. Whoever takes the payload away (an erasure, an expiry, the intake) makes them unreadable with it.
ALTER TABLE app.inbound_event ADD COLUMN stored_as text;

-- The bytes themselves go by a job, whoever took the payload away.
CREATE FUNCTION app.drop_stored() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM app.enqueue('remove-file', ARRAY['remove-file/' || OLD.stored_as], ARRAY[jsonb_build_object('tenantId', OLD.tenant_id,
    'region', (SELECT t.region FROM app.tenant t WHERE t.tenant_id = OLD.tenant_id), 'storedAs', OLD.stored_as)]);
  NEW.stored_as := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER drop_stored BEFORE UPDATE OF sealed_payload ON app.inbound_event FOR EACH ROW
  WHEN (OLD.stored_as IS NOT NULL AND NEW.sealed_payload IS NULL) EXECUTE FUNCTION app.drop_stored();
