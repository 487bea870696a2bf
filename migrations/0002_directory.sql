-- What must be known before a tenant is: which tenants a login address belongs to, which tenant a provider's post
-- is for, which tenants there are. No personal value stands here: addresses are keyed hashes.
CREATE TABLE directory.tenant (
  tenant_id  uuid PRIMARY KEY,
  region     text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE directory.login (
  address_hash bytea NOT NULL,
  tenant_id    uuid NOT NULL REFERENCES directory.tenant,
  member_id    uuid NOT NULL,
  PRIMARY KEY (address_hash, tenant_id)
);

CREATE TABLE directory.channel (
  channel_id uuid PRIMARY KEY,
  tenant_id  uuid NOT NULL REFERENCES directory.tenant
);

-- Failed attempts to log in, per keyed hash of an account or of a network address.
CREATE TABLE directory.login_attempt (
  subject_hash bytea PRIMARY KEY,
  failures     int NOT NULL,
  since        timestamptz NOT NULL
);

-- The workers that run jobs, with the last sign of life of each: the jobs of the dead are released.
CREATE TABLE directory.worker (
  worker_id      text PRIMARY KEY,
  -- machine and container, within which the process number means something
  place          text NOT NULL,
  process_number int NOT NULL,
  process_id     uuid NOT NULL,
  seen_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE directory.installation (
  single    boolean PRIMARY KEY DEFAULT true CHECK (single),
  -- raised when the cluster's identifier changes: transaction ids of a restored database may be older than those it holds
  epoch     int NOT NULL,
  system_id text NOT NULL
);

CREATE FUNCTION directory.tenants() RETURNS TABLE (tenant_id uuid, region text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC SELECT t.tenant_id, t.region FROM directory.tenant t ORDER BY t.tenant_id; END;

CREATE FUNCTION directory.logins(hash bytea) RETURNS TABLE (tenant_id uuid, member_id uuid, region text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    SELECT l.tenant_id, l.member_id, t.region FROM directory.login l JOIN directory.tenant t USING (tenant_id)
     WHERE l.address_hash = hash ORDER BY l.tenant_id;
  END;

CREATE FUNCTION directory.channel_tenant(channel uuid) RETURNS TABLE (tenant_id uuid, region text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    SELECT c.tenant_id, t.region FROM directory.channel c JOIN directory.tenant t USING (tenant_id) WHERE c.channel_id = channel;
  END;

-- The writers only touch the tenant that the transaction has set.
CREATE FUNCTION directory.register_tenant(home text) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    INSERT INTO directory.tenant (tenant_id, region) VALUES (nullif(current_setting('app.tenant', true), '')::uuid, home);
  END;

-- Only one login per address and tenant; whoever comes second gets a unique violation.
CREATE FUNCTION directory.register_login(hash bytea, member uuid) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    INSERT INTO directory.login (address_hash, tenant_id, member_id)
    VALUES (hash, nullif(current_setting('app.tenant', true), '')::uuid, member);
  END;

CREATE FUNCTION directory.forget_login(member uuid) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    DELETE FROM directory.login l
     WHERE l.tenant_id = nullif(current_setting('app.tenant', true), '')::uuid AND l.member_id = member;
  END;

CREATE FUNCTION directory.register_channel(channel uuid) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    INSERT INTO directory.channel (channel_id, tenant_id)
    VALUES (channel, nullif(current_setting('app.tenant', true), '')::uuid);
  END;

-- One more failure of a subject within the window (seconds); how many that makes.
CREATE FUNCTION directory.login_failed(subject bytea, window_seconds int) RETURNS int
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    INSERT INTO directory.login_attempt AS a (subject_hash, failures, since) VALUES (subject, 1, now())
    ON CONFLICT (subject_hash) DO UPDATE
       SET failures = CASE WHEN a.since > now() - make_interval(secs => window_seconds) THEN a.failures + 1 ELSE 1 END,
           since    = CASE WHEN a.since > now() - make_interval(secs => window_seconds) THEN a.since ELSE now() END
    RETURNING a.failures;
  END;

CREATE FUNCTION directory.login_taken_back(subject bytea) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC UPDATE directory.login_attempt a SET failures = a.failures - 1 WHERE a.subject_hash = subject AND a.failures > 0; END;

-- Counts an attempt as failed before its password is looked at, so that many at once are counted like many in a row:
-- each waits for the rows of the one before. An attempt too many is not let in and counts nothing. Always the address
-- first, so that no two wait for each other, and so that an address that is slowed down locks no more accounts.
CREATE FUNCTION directory.login_begun(account bytea, account_max int, address bytea, address_max int, window_seconds int)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF directory.login_failed(address, window_seconds) > address_max THEN
    PERFORM directory.login_taken_back(address);
    RETURN false;
  END IF;
  IF directory.login_failed(account, window_seconds) > account_max THEN
    PERFORM directory.login_taken_back(account);
    PERFORM directory.login_taken_back(address);
    RETURN false;
  END IF;
  RETURN true;
END $$;

-- The account starts anew; of its address only this attempt is taken back, or one good login would pay for many guesses.
CREATE FUNCTION directory.login_succeeded(account bytea, address bytea) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC
    SELECT directory.login_taken_back(address);
    DELETE FROM directory.login_attempt a WHERE a.subject_hash = account;
  END;

-- What waits in the queue, by task; its tables are the owner's alone. Numbers only: keys and payloads stay inside.
CREATE FUNCTION directory.job_backlog()
  RETURNS TABLE (task text, ready int, later int, running int, failed int, oldest_seconds float8)
  LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT j.task_identifier,
      count(*) FILTER (WHERE j.locked_at IS NULL AND j.attempts < j.max_attempts AND j.run_at <= now())::int,
      count(*) FILTER (WHERE j.locked_at IS NULL AND j.attempts < j.max_attempts AND j.run_at > now())::int,
      count(*) FILTER (WHERE j.locked_at IS NOT NULL)::int,
      count(*) FILTER (WHERE j.locked_at IS NULL AND j.attempts >= j.max_attempts)::int,
      coalesce(extract(epoch FROM now() - min(j.run_at) FILTER (WHERE j.locked_at IS NULL AND j.attempts < j.max_attempts AND j.run_at <= now())), 0)::float8
    FROM graphile_worker.jobs j GROUP BY j.task_identifier;
END $$;

CREATE FUNCTION directory.forget_login_attempts(age_seconds int) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC DELETE FROM directory.login_attempt a WHERE a.since < now() - make_interval(secs => age_seconds); END;
