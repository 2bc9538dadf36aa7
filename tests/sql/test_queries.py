"""Each query of the API against the cases beside it: `<query>/<case>.yaml` holds rows, parameters, expected rows."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from psycopg2.extensions import adapt

from contracts.tables import BIG, FLOAT, INSERTED_AT, INT, LATEST_TICK, TABLES, TEXT, TEXTS, TIME

HERE = Path(__file__).parent
SQL = HERE.parent.parent / "crypto_viz_backend" / "api" / "sql"
CASES = sorted(path for path in HERE.glob("*/*.yaml"))
TABLE = {table.name: table for table in (*TABLES, LATEST_TICK)}
FILLING = {FLOAT: 0.5, TEXT: "", TEXTS: [], BIG: 0, INT: 1}


def _insert(table, row):
    """The statement that stores `row`; the columns it does not name do not matter and are filled with anything."""
    strangers = set(row) - set(table.columns)
    assert not strangers, f"{table.name} has no {strangers}"
    filling = {name: row["timestamp"] if kind == TIME else FILLING[kind] for name, kind in table.columns.items()}
    optional = dict.fromkeys(table.nullable)
    values = {**filling, **optional, **row}
    names = ", ".join(name for name in values if name != INSERTED_AT)
    text = json.dumps(values, default=datetime.isoformat).replace("'", "''")
    return f"INSERT INTO {table.name} ({names}) SELECT {names} FROM json_populate_record(NULL::{table.name}, '{text}');"


def _parameters(given):
    lengths = {name: timedelta(seconds=value["seconds"]) for name, value in given.items() if isinstance(value, dict)}
    return {name: adapt(value).getquoted().decode() for name, value in (given | lengths).items()}


def _expected(row):
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def test_each_query_has_a_case_and_each_case_a_query():
    assert {path.stem for path in SQL.glob("*.sql")} == {path.parent.name for path in CASES}


@pytest.mark.parametrize("indexes", ["on", "off"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_query_answers_as_expected_whatever_the_plan(engine, path, indexes):
    for way in ("indexscan", "indexonlyscan", "bitmapscan"):
        engine.execute(f"SET LOCAL enable_{way} = {indexes}")
    case = yaml.safe_load(path.read_text())
    for name, rows in case.get("given", {}).items():
        for row in rows:
            engine.execute(_insert(TABLE[name], row))
    query = (SQL / f"{path.parent.name}.sql").read_text() % _parameters(case.get("parameters", {}))
    (answer,) = engine.execute(f"SELECT coalesce(json_agg(row_to_json(t)), '[]')::text AS rows FROM ({query}\n) t")
    assert json.loads(answer["rows"]) == [_expected(row) for row in case["expect"]]
