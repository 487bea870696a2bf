-- Sealing: each tenant's events, in their order, are the leaves of a Merkle tree (RFC 6962) whose roots are signed. Rows
-- here are only ever added. What they say can be made again from the events, and is held against them by audit:verify.

-- The tree's leaves. The event's place in time finds it in its partition.
CREATE TABLE audit.leaf (
  tenant_id   uuid NOT NULL,
  leaf_index  bigint NOT NULL CHECK (leaf_index >= 0),
  leaf_hash   bytea NOT NULL CHECK (length(leaf_hash) = 32),
  event_id    uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, leaf_index),
  -- An event is sealed once, whatever sealers do. With its time: whoever writes with the application's login could take
  -- an id once more, and must not stop the sealing of the tenant by it.
  UNIQUE (tenant_id, event_id, occurred_at)
);

-- The root of the 256 hashes below it, from 256 × node_index on: of leaves at level 1, of nodes above. Complete ones only.
CREATE TABLE audit.node (
  tenant_id  uuid NOT NULL,
  level      int NOT NULL CHECK (level >= 1),
  node_index bigint NOT NULL CHECK (node_index >= 0),
  hash       bytea NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (tenant_id, level, node_index)
);

-- A signed root. Every event whose (epoch, transaction_id) is below (epoch, watermark) is a leaf below its size: no
-- transaction of a lower number was still open, so none can bring one later.
CREATE TABLE audit.checkpoint (
  tenant_id      uuid NOT NULL,
  size           bigint NOT NULL CHECK (size > 0),
  root_hash      bytea NOT NULL CHECK (length(root_hash) = 32),
  epoch          int NOT NULL,
  watermark      xid8 NOT NULL,
  key_generation int NOT NULL,
  -- a signed note (C2SP tlog-checkpoint) that says all of this again
  note           text NOT NULL,
  made_at        timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, size)
);

-- Who signed: Ed25519. A key but the first is endorsed by the one before it.
CREATE TABLE audit.signing_key (
  tenant_id   uuid NOT NULL,
  generation  int NOT NULL CHECK (generation >= 1),
  public_key  bytea NOT NULL CHECK (length(public_key) = 32),
  -- a signed note that names this key: of the key before, of the first key itself
  endorsement text NOT NULL,
  made_at     timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, generation)
);

CALL audit.guard('audit.leaf', false);
CALL audit.guard('audit.node', false);
CALL audit.guard('audit.checkpoint', false);
CALL audit.guard('audit.signing_key', false);

-- The newest key's private part, under the tenant's key. Of the older ones it is destroyed: they sign nothing any more.
CREATE TABLE app.signing_secret (
  tenant_id          uuid NOT NULL,
  generation         int NOT NULL,
  sealed_private_key bytea NOT NULL,
  PRIMARY KEY (tenant_id, generation)
);

CALL app.govern('app.signing_secret');

-- The epoch that events are stamped with now; see directory.installation.
CREATE FUNCTION directory.epoch() RETURNS int
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  BEGIN ATOMIC SELECT i.epoch FROM directory.installation i; END;
