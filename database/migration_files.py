"""The migration files, and whether they match the database. Pure except for reading the folder."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
VARIANTS = ("timescaledb", "postgres")
NO_TRANSACTION = "-- no-transaction"

_NAME = re.compile(rf"(\d{{4}})_[a-z0-9_]+(?:\.({'|'.join(VARIANTS)}))?\.sql")


class BadMigrations(ValueError):
    """The files are inconsistent, or do not match the database. `str()` names the file and what to do."""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One file: `NNNN_what.sql`, or `NNNN_what.<variant>.sql` for one of two twins.

    A file whose first line is `-- no-transaction` has one statement that runs outside a transaction; it must be
    idempotent, since it is recorded as applied only afterwards.
    """

    number: int
    name: str
    variant: str | None
    sql: str

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """Whether it runs in a transaction."""
        return not self.sql.startswith(NO_TRANSACTION)


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of `cryptoviz.schema_migration`. No checksum: applied by psql (timescaledb_setup.sql)."""

    number: int
    name: str
    checksum: str | None


def read_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """All migration files by number, twins next to each other. Raises `BadMigrations` for an invalid name."""
    found = []
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise BadMigrations(f"{path.name} is not named NNNN_what.sql or NNNN_what.<{'|'.join(VARIANTS)}>.sql")
        text = path.read_text(encoding="utf-8")
        found.append(Migration(number=int(match[1]), name=path.name, variant=match[2], sql=text))
    return tuple(found)


def choose_migrations(migrations: Iterable[Migration], variant: str) -> tuple[Migration, ...]:
    """The migrations for one kind of server, in order. Raises `BadMigrations` for a missing or duplicate number."""
    chosen = tuple(m for m in migrations if m.variant in (None, variant))
    for expected, migration in enumerate(chosen, start=1):
        if migration.number < expected:
            raise BadMigrations(f"number {migration.number:04} is used twice: {migration.name} needs another")
        if migration.number > expected:
            raise BadMigrations(f"no migration {expected:04} for {variant} before {migration.name}")
    return chosen


def variant_applied(applied: Iterable[Applied]) -> str | None:
    """The kind of server of this database's first migrations, which never changes; None if not known yet."""
    for row in applied:
        match = _NAME.fullmatch(row.name)
        if match is not None and match[2] is not None:
            return match[2]
    return None


def pending_migrations(chosen: Sequence[Migration], applied: Sequence[Applied]) -> tuple[Migration, ...]:
    """The migrations still to be applied. Raises `BadMigrations` if an applied file was deleted, renamed or edited."""
    for position, row in enumerate(applied):
        migration = chosen[position] if position < len(chosen) else None
        if migration is None or migration.name != row.name:
            instead = f"; here that number is {migration.name}" if migration is not None else ""
            raise BadMigrations(f"the database has {row.name}, which is not among these files{instead}")
        if row.checksum not in (None, migration.checksum):
            raise BadMigrations(f"{row.name} was edited after it was applied: restore it, and add a new file")
    return tuple(chosen[len(applied) :])
