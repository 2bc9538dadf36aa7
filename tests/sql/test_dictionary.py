"""The data dictionary is what the catalogue says, on both servers, and the catalogue explains everything."""

from database.dictionary import CATALOGUE, DICTIONARY_PAGE, render_dictionary


def test_every_table_view_and_column_is_explained(engine):
    rows = engine.execute(CATALOGUE)
    assert {"ticker_data", "candles_4h", "batch_ledger", "schema_migration"} <= {row["relation"] for row in rows}
    silent = [f"{row['relation']}.{row['name']}" for row in rows if not row["about"] or not row["meaning"]]
    assert silent == []


def test_the_page_is_up_to_date(engine):
    assert render_dictionary(engine.execute(CATALOGUE)) == DICTIONARY_PAGE.read_text(encoding="utf-8"), (
        "run: python -m database.dictionary"
    )


def test_a_page_names_kind_columns_and_whether_they_may_be_null():
    column = {"schema": "public", "relation": "t", "kind": "table", "about": "Things", "type": "text"}
    view = {**column, "schema": "cryptoviz", "kind": "view", "name": "c", "required": False, "meaning": "C"}
    page = render_dictionary(
        [
            {**column, "name": "a", "required": True, "meaning": "A"},
            {**column, "name": "b", "required": False, "meaning": "B"},
            view,
        ]
    )
    assert page.partition("## ")[2] == (
        "t\nTable. Things.\n\n| column | type | NULL | meaning |\n|---|---|---|---|\n"
        "| a | text |  | A |\n| b | text | may be | B |\n\n"
        "## cryptoviz.t\nView. Things.\n\n| column | type | meaning |\n|---|---|---|\n| c | text | C |\n"
    )
