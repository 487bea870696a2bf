-- Schemas and the functions that the tables lean on.
--   app        a tenant's data; every table begins with tenant_id and is under forced row-level security
--   audit      who did what; append-only
--   directory  the little that must be known before a tenant is; reached through functions only
CREATE SCHEMA app;
CREATE SCHEMA audit;
CREATE SCHEMA directory;

-- Text as it is searched: compatibility forms joined, accents and case gone ("Müller" -> "muller").
-- unaccent() is only STABLE because its dictionary could be edited; naming the dictionary makes it safe to index.
CREATE FUNCTION app.fold(value text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN lower(unaccent('unaccent'::regdictionary, normalize(value, NFKC)));

-- Masks keep a value's shape, so that a person can recognise it and nobody can use it. Of no value they make none, without
-- being STRICT: only so the planner writes them into a statement, and a call took longer than fetching its row.
CREATE FUNCTION app.mask_phone(value text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN length(value) < 8 THEN repeat('•', length(value))
              ELSE left(value, 3) || repeat('•', length(value) - 5) || right(value, 2) END;

CREATE FUNCTION app.mask_email(value text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN left(value, 1) || '•••' || coalesce(substring(value from '@[^@]*$'), '');

CREATE FUNCTION app.mask_name(value text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN regexp_replace(value, '(\S)\S*', '\1•••', 'g');

CREATE FUNCTION app.mask_text(value text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN value IS NOT NULL THEN '•••' END;

-- An address is masked as what it is: an email as an email, a number as a number, a provider's id to its first and
-- last characters. One that looks like an email is one, whatever its kind says.
CREATE FUNCTION app.mask_address(kind text, value text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN kind IS NULL THEN NULL
              WHEN kind = 'email' OR value LIKE '%_@_%' THEN app.mask_email(value)
              WHEN kind IN ('phone', 'whatsapp') THEN app.mask_phone(value)
              WHEN length(value) < 8 THEN repeat('•', length(value))
              ELSE left(value, 1) || repeat('•', length(value) - 3) || right(value, 2) END;

-- A date keeps its year, a number its first digit; a number of one digit would be told whole.
CREATE FUNCTION app.mask_date(value date) RETURNS date
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN make_date(extract(year FROM value)::int, 1, 1);

CREATE FUNCTION app.mask_number(value numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN abs(value) < 10 THEN 0 ELSE trunc(value, 1 - length(trunc(abs(value))::text)) END;

CREATE FUNCTION app.mask_number(value double precision) RETURNS double precision
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN app.mask_number(value::numeric)::double precision;

-- One line per table that belongs to tenants: row-level security, forced, so that even the owner obeys it.
-- app.all_units is a setting of its own: having no unit must not mean all. The list is compared as the text that it is,
-- ids between commas: as an array it would be made anew for every row, which cost more than the rest of a list.
-- The planner cannot know what a setting holds. Where a number differs from 0 it expects nearly every row, which is right:
-- statements name the units themselves, and with that it counts already. Of a truth it would expect half of the rows, of
-- what equals something without a column one in 200.
-- The expressions are plain on purpose: a sub-SELECT in a policy is refused by distributed PostgreSQL.
CREATE PROCEDURE app.govern(tab regclass) LANGUAGE plpgsql AS $$
DECLARE
  has_unit boolean := EXISTS (SELECT FROM pg_attribute WHERE attrelid = tab AND attname = 'business_unit_id' AND NOT attisdropped);
  rule text := 'tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid';
BEGIN
  IF has_unit THEN
    rule := rule || ' AND CASE WHEN current_setting(''app.all_units'', true) = ''on'' THEN 1'
         || ' ELSE strpos('','' || current_setting(''app.units'', true) || '','', '','' || business_unit_id::text || '','') END <> 0';
  END IF;
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tab);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tab);
  EXECUTE format('CREATE POLICY tenant ON %s USING (%s) WITH CHECK (%s)', tab, rule, rule);
END $$;
