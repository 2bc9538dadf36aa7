"""The data dictionary: every table and view with its columns and comments, generated from the database's catalogue.

`python -m database.dictionary` writes doc/11-data-dictionary.md from the database of the settings; a test compares the
page with a migrated database. To change a comment, add a migration.
"""

import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

import psycopg2
from psycopg2.extras import RealDictCursor

from contracts.settings import ROOT, OwnerSection, load_settings
from foundation.postgres import connect

DICTIONARY_PAGE = ROOT / "doc" / "11-data-dictionary.md"

CATALOGUE = """
SELECT
    relnamespace::regnamespace::text AS schema,
    relname::text AS relation,
    CASE WHEN relkind = 'v' THEN 'view' ELSE 'table' END AS kind,
    obj_description(pg_class.oid, 'pg_class') AS about,
    attname::text AS name,
    format_type(atttypid, atttypmod) AS type,
    attnotnull AS required,
    col_description(pg_class.oid, attnum) AS meaning
FROM pg_class
JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace IN ('public'::regnamespace, 'cryptoviz'::regnamespace)
    AND relkind IN ('r', 'p', 'v')
    AND attnum > 0
    AND NOT attisdropped
ORDER BY relnamespace::regnamespace::text = 'cryptoviz', relkind = 'v', relname, attnum
"""
"""The relations of both schemas and their columns: tables first, then views, then internal tables."""

_HEAD = """# Data dictionary

Written by `python -m database.dictionary` from the comments in the database's own catalogue. All times are UTC. Tables
and views without a schema are in `public`; on TimescaleDB and on plain PostgreSQL they are the same.
"""

_CatalogueRow = Mapping[str, object]


def render_dictionary(rows: Iterable[_CatalogueRow]) -> str:
    """The page for these rows of `CATALOGUE`."""
    sections = [_section(list(columns)) for _, columns in groupby(rows, lambda row: (row["schema"], row["relation"]))]
    return "\n".join([_HEAD, *sections])


def _section(columns: list[_CatalogueRow]) -> str:
    first = columns[0]
    name = first["relation"] if first["schema"] == "public" else f"{first['schema']}.{first['relation']}"
    lines = [f"## {name}", f"{str(first['kind']).capitalize()}. {first['about']}.", ""]
    if first["kind"] == "table":
        lines += ["| column | type | NULL | meaning |", "|---|---|---|---|"]
        nulls = ["" if column["required"] else "may be" for column in columns]
        lines += [
            f"| {c['name']} | {c['type']} | {null} | {c['meaning']} |" for c, null in zip(columns, nulls, strict=True)
        ]
    else:
        lines += ["| column | type | meaning |", "|---|---|---|"]
        lines += [f"| {c['name']} | {c['type']} | {c['meaning']} |" for c in columns]
    return "\n".join([*lines, ""])


def fetch_dictionary(url: str) -> str:
    """The page for the database at `url`. Raises psycopg2's errors."""
    connection = connect(url, "dictionary")
    try:
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(CATALOGUE)
            return render_dictionary(cursor.fetchall())
    finally:
        connection.close()


def main(page: Path = DICTIONARY_PAGE) -> int:
    """Writes the page; exit code 1 with one line on standard error if the database does not answer."""
    try:
        text = fetch_dictionary(load_settings(OwnerSection).owner_database_url)
    except psycopg2.Error as error:
        print(f"dictionary: {str(error).strip()}", file=sys.stderr)
        return 1
    page.write_text(text, encoding="utf-8")
    print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
