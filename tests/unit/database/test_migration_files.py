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
