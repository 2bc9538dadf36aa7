-- Creates the whole database with psql alone, on TimescaleDB or plain PostgreSQL, as a role that may create roles:
--
--     psql "$DATABASE_URL" -f database/timescaledb_setup.sql
--
-- It applies the numbered migrations and records them, so that `python -m database.migrate` continues from there.
-- Applied migrations are skipped. Passwords are set by: `python -m database.migrate --passwords`.
\set ON_ERROR_STOP on
SET client_min_messages TO warning;

\ir schema_migration.sql

-- the kind of a database never changes
SELECT coalesce(
    (SELECT split_part(name, '.', 2) FROM cryptoviz.schema_migration WHERE split_part(name, '.', 3) = 'sql' LIMIT 1),
    (SELECT name FROM pg_available_extensions WHERE name = 'timescaledb'),
    'postgres'
) AS kind \gset

\set file 0001_roles.sql
\ir apply_migration.psql
\set file 0002_time_bucket. :kind .sql
\ir apply_migration.psql
\set file 0003_market_tables.sql
\ir apply_migration.psql
\set file 0004_hypertables. :kind .sql
\ir apply_migration.psql
\set file 0005_batch_ledger.sql
\ir apply_migration.psql
\set file 0006_views.sql
\ir apply_migration.psql
\set file 0007_candles. :kind .sql
\ir apply_migration.psql
\set file 0008_analyst_views.sql
\ir apply_migration.psql
\set file 0009_columnstore. :kind .sql
\ir apply_migration.psql
\set file 0010_candles_15m_4h. :kind .sql
\ir apply_migration.psql
\set file 0011_gaps.sql
\ir apply_migration.psql
\set file 0012_latest_tick.sql
\ir apply_migration.psql
\set file 0013_keep_days. :kind .sql
\ir apply_migration.psql
\set file 0014_view_columns.sql
\ir apply_migration.psql
\set file 0015_sentiment_hits.sql
\ir apply_migration.psql
\set file 0016_article_versions.sql
\ir apply_migration.psql
\set file 0017_story_votes.sql
\ir apply_migration.psql
\set file 0018_polled_markets.sql
\ir apply_migration.psql
\set file 0019_market_columnstore. :kind .sql
\ir apply_migration.psql
\set file 0020_news_impact.sql
\ir apply_migration.psql
\set file 0021_price_sentiment.sql
\ir apply_migration.psql
\set file 0022_role_limits.sql
\ir apply_migration.psql
\set file 0023_partition_lock.sql
\ir apply_migration.psql
\set file 0024_data_quality.sql
\ir apply_migration.psql
\set file 0025_refresh_refilled. :kind .sql
\ir apply_migration.psql
\set file 0026_ledger_comment.sql
\ir apply_migration.psql
\set file 0027_forecast_horizons.sql
\ir apply_migration.psql
\set file 0028_plain_comments.sql
\ir apply_migration.psql
\set file 0029_column_meanings.sql
\ir apply_migration.psql
