"""Role x statement: what each role may do, and nothing else."""

import pytest

from api.periods import INTERVALS
from contracts.tables import LATEST_TICK, LEDGER, PARTITION_LOCK, ROLES, TABLES
from database.migration_files import read_migrations
from scripts.embedded.node_timescaledb import SqlError

OWNER, WRITER, API, ANALYST = ROLES
REFUSED = "42501"

LEDGER_ROW = (
    f"INSERT INTO {LEDGER} (query, cluster_id, checkpoint_id, batch_id, topic, partition, from_offset,"
    " next_offset, rows, rejected) VALUES ('q', 'k', 'c', 0, 't', 0, 0, 1, 1, 0)"
)
ALERT_ROW = (
    "INSERT INTO alert_data (timestamp, pair, last_price, change_percent, threshold, alert_type)"
    " VALUES ('2026-01-05', 'BTC/USD', 1, 1, 1, 'price_move')"
)

VIEWS = (
    *(f"candles_{interval}" for interval in INTERVALS),
    *("v_data_quality", "v_forecast_scorecard", "v_freshness", "v_gaps", "v_latest_prices", "v_latest_trades"),
    *("v_price_sentiment_1h", "sentiment_1h", "sentiment_1d", "v_news_impact", "v_story_returns"),
    *("v_latest_markets", "v_venue_prices"),
)

MATRIX = {
    **{f"SELECT * FROM {table.name}": {OWNER, WRITER, API, ANALYST} for table in (*TABLES, LATEST_TICK)},
    "SELECT * FROM v_latest_prices": {OWNER, API, ANALYST},
    "SELECT * FROM v_freshness": {OWNER, API, ANALYST},
    "SELECT * FROM v_forecast_scorecard": {OWNER, API, ANALYST},
    "SELECT * FROM v_data_quality": {OWNER, API, ANALYST},
    "SELECT * FROM v_gaps": {OWNER, API, ANALYST},
    "SELECT * FROM v_latest_markets": {OWNER, API, ANALYST},
    "SELECT * FROM v_venue_prices": {OWNER, API, ANALYST},
    "SELECT * FROM v_price_sentiment_1h": {OWNER, API, ANALYST},
    "SELECT * FROM v_news_impact": {OWNER, API, ANALYST},
    "SELECT * FROM v_story_returns": {OWNER, API, ANALYST},
    "SELECT * FROM sentiment_1h": {OWNER, API, ANALYST},
    "SELECT * FROM sentiment_1d": {OWNER, API, ANALYST},
    **{f"SELECT * FROM candles_{interval}": {OWNER, API, ANALYST} for interval in INTERVALS},
    "CALL refresh_candles('2026-01-05', '2026-01-05')": {OWNER},
    ALERT_ROW: {OWNER, WRITER},
    f"{ALERT_ROW} ON CONFLICT (pair, timestamp, alert_type) DO UPDATE SET threshold = 2": {OWNER, WRITER},
    "UPDATE prediction_data SET actual_price = 1": {OWNER, WRITER},
    "UPDATE latest_tick SET last = 1": {OWNER, WRITER},
    "CREATE TEMP TABLE staged (LIKE trade_data)": {OWNER, WRITER},
    "DELETE FROM trade_data": {OWNER},
    "TRUNCATE trade_data": {OWNER},
    LEDGER_ROW: {OWNER, WRITER},
    f"DELETE FROM {LEDGER}": {OWNER, WRITER},
    f"SELECT * FROM {LEDGER}": {OWNER, WRITER, ANALYST},
    "SELECT * FROM cryptoviz.schema_migration": {OWNER, ANALYST},
    "UPDATE cryptoviz.schema_migration SET checksum = ''": {OWNER},
    "SELECT cryptoviz.keep_days('trade_data', NULL)": {OWNER},
    f"SELECT FROM {PARTITION_LOCK} FOR UPDATE": {OWNER, WRITER},
    f"INSERT INTO {PARTITION_LOCK} VALUES ('q', 't', 0)": {OWNER, WRITER},
    f"SELECT * FROM {PARTITION_LOCK}": {OWNER, WRITER, ANALYST},
    "SELECT FROM trade_data FOR KEY SHARE": {OWNER, WRITER},
    "LOCK TABLE trade_data IN ROW SHARE MODE": {OWNER, WRITER},
    "LOCK TABLE trade_data IN ACCESS SHARE MODE": {OWNER, WRITER, API, ANALYST},
    "SELECT pg_advisory_xact_lock(1)": {OWNER},
    "SELECT pg_try_advisory_xact_lock_shared(1, 1)": {OWNER},
    "SELECT lo_from_bytea(0, 'x')": {OWNER},
    "SELECT lo_creat(-1)": {OWNER},
    "SELECT pg_logical_emit_message(true, 'a', 'b')": {OWNER},
    "SET LOCAL statement_timeout = '1h'; SELECT pg_sleep(0)": {OWNER, WRITER, API, ANALYST},
    "CREATE TABLE intruder (id integer)": {OWNER},
    "CREATE FUNCTION intruder() RETURNS integer LANGUAGE sql RETURN 1": {OWNER},
    "CREATE FUNCTION pg_temp.intruder() RETURNS integer LANGUAGE sql RETURN 1": {OWNER, WRITER},
    "ALTER TABLE trade_data ADD COLUMN intruder text": set(),
    "DROP TABLE trade_data": set(),
    "CREATE SCHEMA intruder": set(),
    "CREATE ROLE intruder": set(),
    "SELECT pg_read_file('/etc/passwd')": set(),
    "SELECT rolpassword FROM pg_authid": set(),
    "COPY trade_data TO PROGRAM 'true'": set(),
    "COPY trade_data FROM PROGRAM 'true'": set(),
    "COPY trade_data TO '/tmp/intruder'": set(),
    "SELECT lo_import('/etc/passwd')": set(),
}


def _refusal(engine, role, statement):
    """The SQLSTATE of the error that a role gets, or None."""
    engine.execute(f"SET LOCAL ROLE {role}")
    try:
        engine.execute(statement)
    except SqlError as error:
        return error.code
    return None


@pytest.mark.parametrize("role", [WRITER, API, ANALYST])
@pytest.mark.parametrize("statement", MATRIX)
def test_role_may_do_what_it_is_for_and_no_more(engine, role, statement):
    assert _refusal(engine, role, statement) == (None if role in MATRIX[statement] else REFUSED)


@pytest.mark.parametrize("statement", MATRIX)
def test_an_owner_that_did_not_migrate_has_all_rights_on_the_data(timescale_engine, statement):
    # on the other server cryptoviz_owner is the superuser who migrated it
    timescale_engine.execute("BEGIN")
    try:
        assert _refusal(timescale_engine, OWNER, statement) == (None if OWNER in MATRIX[statement] else REFUSED)
    finally:
        timescale_engine.execute("ROLLBACK")


def test_the_matrix_has_every_view(engine):
    rows = engine.execute("SELECT viewname::text AS name FROM pg_views WHERE schemaname = 'public'")
    assert {row["name"] for row in rows} == set(VIEWS)


@pytest.mark.parametrize("role", [WRITER, API, ANALYST])
def test_a_schema_of_someone_else_is_closed(engine, role):
    engine.execute("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.secrets (secret text)")
    assert _refusal(engine, role, "SELECT * FROM elsewhere.secrets") == REFUSED


@pytest.mark.parametrize("role", [API, ANALYST])
def test_whoever_reads_may_change_nothing_in_any_schema_and_draw_no_number(engine, role):
    changes = "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
    rows = engine.execute(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace <> 'pg_catalog'::regnamespace"
        f" AND (relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege('{role}', oid, '{changes}')"
        f" OR relkind = 'S' AND has_sequence_privilege('{role}', oid, 'USAGE, UPDATE'))"
        f" UNION ALL SELECT nspname::text FROM pg_namespace WHERE has_schema_privilege('{role}', oid, 'CREATE')"
        f" UNION ALL SELECT datname::text FROM pg_database WHERE datname = current_database()"
        f" AND has_database_privilege('{role}', oid, 'CREATE, TEMPORARY')"
    )
    assert rows == []


@pytest.mark.parametrize("role", [WRITER, API, ANALYST])
def test_jobs_of_timescaledb_are_added_by_the_owner_alone(timescale_engine, role):
    timescale_engine.execute("BEGIN")
    try:
        job = "SELECT add_job('_timescaledb_functions.policy_retention', '1h')"
        assert _refusal(timescale_engine, role, job) == REFUSED
    finally:
        timescale_engine.execute("ROLLBACK")


def test_where_the_migrating_role_owns_no_functions_they_stay_open_and_the_migration_goes_on(engine):
    (function,) = (m.sql for m in read_migrations() if m.name == "0022_role_limits.sql")
    engine.execute("GRANT EXECUTE ON FUNCTION lo_creat TO PUBLIC; CREATE ROLE hosted CREATEROLE")
    engine.execute(f"GRANT {ANALYST} TO hosted WITH ADMIN OPTION")
    assert _refusal(engine, "hosted", function) is None
    assert _refusal(engine, ANALYST, "SET TRANSACTION READ WRITE; SELECT lo_creat(-1)") is None


@pytest.mark.parametrize("table", [*TABLES, LATEST_TICK], ids=lambda table: table.name)
@pytest.mark.parametrize("statement", ["INSERT INTO {} DEFAULT VALUES", "UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_analyst_changes_no_table_even_out_of_read_only_mode(engine, table, statement):
    engine.execute("SET LOCAL transaction_read_only = off")
    change = statement.format(table.name, table.time_column, table.time_column)
    assert _refusal(engine, ANALYST, change) == REFUSED


def test_the_analyst_starts_read_only_and_with_time_limits(engine):
    (row,) = engine.execute(
        "SELECT setconfig::text AS settings FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
        f" WHERE setrole = '{ANALYST}'::regrole AND datname = current_database()"
    )
    assert row["settings"] == (
        "{default_transaction_read_only=on,statement_timeout=30s,idle_in_transaction_session_timeout=5min}"
    )
