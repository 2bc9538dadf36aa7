"""What fits together and what does not, among migration files and what a database says was applied."""

from pathlib import Path

import pytest

from database.migration_files import (
    VARIANTS,
    Applied,
    BadMigrations,
    Migration,
    choose_migrations,
    pending_migrations,
    read_migrations,
    variant_applied,
)

ONE = Migration(number=1, name="0001_one.sql", variant=None, sql="SELECT 1")
TWO = Migration(number=2, name="0002_two.postgres.sql", variant="postgres", sql="SELECT 2")
TWIN = Migration(number=2, name="0002_two.timescaledb.sql", variant="timescaledb", sql="SELECT 22")
THREE = Migration(number=3, name="0003_three.sql", variant=None, sql="-- no-transaction\nSELECT 3")

CHECKSUMS = {
    "0001_roles.sql": "f3f3d41751633996",
    "0002_time_bucket.postgres.sql": "4a8d11d3b25516f0",
    "0002_time_bucket.timescaledb.sql": "4f26afcbacb663ec",
    "0003_market_tables.sql": "d789a51ff91a39ac",
    "0004_hypertables.postgres.sql": "00e618bb2d371d12",
    "0004_hypertables.timescaledb.sql": "5431b93f91c1b7f8",
    "0005_batch_ledger.sql": "713a3ae3018f2892",
    "0006_views.sql": "23612380d12de408",
    "0007_candles.postgres.sql": "61485618e14ab183",
    "0007_candles.timescaledb.sql": "206bb123a8ef3e44",
    "0008_analyst_views.sql": "95f2602bf5509565",
    "0009_columnstore.postgres.sql": "786caa13528c4096",
    "0009_columnstore.timescaledb.sql": "3e8d859ea31c9191",
    "0010_candles_15m_4h.postgres.sql": "e1a066b89ceefa3a",
    "0010_candles_15m_4h.timescaledb.sql": "d6529d1e290c4b81",
    "0011_gaps.sql": "9132029972d38803",
    "0012_latest_tick.sql": "37bf7a539c2aec8d",
    "0013_keep_days.postgres.sql": "072284bd3e9d8a38",
    "0013_keep_days.timescaledb.sql": "e0e0dc504b8f4b90",
    "0014_view_columns.sql": "cd49796c36c4d47d",
    "0015_sentiment_hits.sql": "19c51c37fc84bfd4",
    "0016_article_versions.sql": "ed5252413e4e046c",
    "0017_story_votes.sql": "324638839d7b33c2",
    "0018_polled_markets.sql": "4a2e10144bc26bdd",
    "0019_market_columnstore.postgres.sql": "786caa13528c4096",
    "0019_market_columnstore.timescaledb.sql": "b2417d1ddfda51c7",
    "0020_news_impact.sql": "bf1fa08d259b5835",
    "0021_price_sentiment.sql": "4cd740f4b6503234",
    "0022_role_limits.sql": "3d32d2e24a6483a5",
    "0023_partition_lock.sql": "9a12b757bc80035e",
    "0024_data_quality.sql": "9273caa0ce6d2356",
    "0025_refresh_refilled.postgres.sql": "ca819ce6905571c9",
    "0025_refresh_refilled.timescaledb.sql": "446354921bdc11d5",
    "0026_ledger_comment.sql": "4e7e82d927a369d2",
    "0027_forecast_horizons.sql": "f50a8e2997ac631b",
    "0028_plain_comments.sql": "2396a6494b616d91",
    "0029_column_meanings.sql": "14fbccac96a29b01",
}
"""The beginning of each file's SHA-256. A new migration adds a line; a line never changes."""


def _applied(*migrations):
    return tuple(Applied(m.number, m.name, m.checksum) for m in migrations)


def test_twins_are_chosen_by_the_kind_of_server():
    assert choose_migrations([ONE, TWO, TWIN, THREE], "postgres") == (ONE, TWO, THREE)
    assert choose_migrations([ONE, TWO, TWIN, THREE], "timescaledb") == (ONE, TWIN, THREE)


def test_a_gap_is_refused():
    with pytest.raises(BadMigrations, match=r"no migration 0002 for postgres before 0003_three\.sql"):
        choose_migrations([ONE, TWIN, THREE], "postgres")


def test_a_number_used_twice_is_refused():
    other = Migration(number=1, name="0001_other.sql", variant=None, sql="SELECT")
    with pytest.raises(BadMigrations, match=r"number 0001 is used twice: 0001_other\.sql"):
        choose_migrations([ONE, other, TWO], "postgres")


def test_only_what_is_not_applied_is_pending():
    assert pending_migrations((ONE, TWO, THREE), ()) == (ONE, TWO, THREE)
    assert pending_migrations((ONE, TWO, THREE), _applied(ONE, TWO)) == (THREE,)
    assert pending_migrations((ONE, TWO), _applied(ONE, TWO)) == ()


def test_an_edited_file_is_refused():
    edited = Applied(1, ONE.name, "0" * 64)
    with pytest.raises(BadMigrations, match=r"0001_one\.sql was edited after it was applied"):
        pending_migrations((ONE, TWO), (edited,))


def test_a_file_applied_by_psql_has_no_checksum_to_hold_it_to():
    assert pending_migrations((ONE, TWO), (Applied(1, ONE.name, None),)) == (TWO,)


def test_a_renamed_file_and_a_newer_database_are_refused():
    with pytest.raises(BadMigrations, match=r"has 0001_uno\.sql, which is not among these files; .* 0001_one\.sql"):
        pending_migrations((ONE,), (Applied(1, "0001_uno.sql", ONE.checksum),))
    with pytest.raises(BadMigrations, match=r"has 0002_two\.postgres\.sql, which is not among these files$"):
        pending_migrations((ONE,), _applied(ONE, TWO))


def test_a_database_stays_the_kind_it_was_begun_as():
    assert variant_applied(_applied(ONE, TWIN, THREE)) == "timescaledb"
    assert variant_applied(_applied(ONE)) is None


def test_a_file_says_in_its_first_line_that_it_runs_outside_a_transaction():
    assert ONE.in_transaction
    assert not THREE.in_transaction


def test_a_stray_file_in_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "0001_one.sql").write_text("SELECT 1")
    (tmp_path / "0002-two.sql").write_text("SELECT 2")
    with pytest.raises(BadMigrations, match=r"0002-two\.sql is not named"):
        read_migrations(tmp_path)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_real_files_have_no_gap_on_either_server(variant):
    chosen = choose_migrations(read_migrations(), variant)
    assert [m.number for m in chosen] == list(range(1, len(chosen) + 1))


def test_no_released_file_was_edited():
    """A database that has applied a file accepts no other version of it, not even with another comment."""
    assert {m.name: m.checksum[:16] for m in read_migrations()} == CHECKSUMS
