-- The table that records which migrations are applied; run before them by the migrator and by timescaledb_setup.sql.
CREATE SCHEMA IF NOT EXISTS cryptoviz;
CREATE TABLE IF NOT EXISTS cryptoviz.schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL UNIQUE,
    checksum text,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE cryptoviz.schema_migration IS 'The migrations applied, with their files'' SHA-256 (NULL: by psql)';
