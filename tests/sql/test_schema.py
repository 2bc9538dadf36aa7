"""The catalogue of a migrated database against contracts/tables.py, on both servers."""

import pytest

from contracts.tables import INSERTED_AT, LATEST_TICK, LEDGER, ROLES, TABLES

ALL = (*TABLES, LATEST_TICK)

COLUMNS = """
SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
       col_description(attrelid, attnum) AS comment
FROM pg_attribute WHERE attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped
"""
UNIQUE_KEYS = """
SELECT (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute
        WHERE attrelid = indrelid AND attnum = ANY (indkey))::text AS columns
FROM pg_index WHERE indrelid = '{}'::regclass AND indisunique
"""


def test_the_database_has_the_tables_of_the_contracts_and_no_others(engine):
    rows = engine.execute(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    assert {row["name"] for row in rows} == {table.name for table in ALL}


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_columns_are_those_of_the_contract_and_explained(engine, table):
    rows = engine.execute(COLUMNS.format(table.name))
    assert {row["name"]: row["type"] for row in rows} == table.columns
    assert {row["name"] for row in rows if not row["required"]} == table.nullable
    assert [row["name"] for row in rows if not row["comment"]] == []
    (comment,) = engine.execute(f"SELECT obj_description('{table.name}'::regclass) AS text")
    assert comment["text"]


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_the_natural_key_is_kept_where_the_contract_says_so(engine, table):
    keys = [row["columns"] for row in engine.execute(UNIQUE_KEYS.format(table.name))]
    assert keys == ([f"{{{','.join(sorted(table.natural_key))}}}"] if table.unique else [])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_database_itself_says_when_a_row_was_stored(engine, table):
    (default,) = engine.execute(
        f"SELECT pg_get_expr(adbin, adrelid) AS text FROM pg_attrdef d JOIN pg_attribute a ON attrelid = adrelid"
        f" AND attnum = adnum WHERE adrelid = '{table.name}'::regclass AND attname = '{INSERTED_AT}'"
    )
    assert default["text"] == "now()"


def test_views_and_the_ledger_are_explained(engine):
    rows = engine.execute(
        "SELECT oid::regclass::text AS name, obj_description(oid) AS text FROM pg_class"
        f" WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace OR oid = '{LEDGER}'::regclass"
    )
    assert LEDGER in {row["name"] for row in rows}
    assert [row["name"] for row in rows if not row["text"]] == []


def test_all_roles_are_there(engine):
    rows = engine.execute("SELECT rolname::text AS name FROM pg_roles WHERE rolname LIKE 'cryptoviz%'")
    assert {row["name"] for row in rows} >= set(ROLES)


def test_tables_are_hypertables_on_their_time_where_there_is_timescaledb(timescale_engine):
    rows = timescale_engine.execute(
        "SELECT hypertable_name AS name, column_name AS column FROM timescaledb_information.dimensions"
        " WHERE hypertable_schema = 'public'"
    )
    assert {row["name"]: row["column"] for row in rows} == {table.name: table.time_column for table in TABLES}
