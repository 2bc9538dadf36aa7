"""What PostgreSQL's own commands need to reach the database of the settings, as lines for a shell's `eval`.

The password goes by the environment, never by a command line that others can read. PATH leads to the embedded
installation's commands first, where there is one: they are as new as the server or newer.
"""

import shlex

from psycopg2.extensions import parse_dsn

from contracts.settings import OwnerSection, load_settings
from scripts.embedded.kafka import CannotStart
from scripts.embedded.postgres import installation

VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}


def shell_lines(url: str) -> list[str]:
    """One `export` for each part of a libpq URL. Raises `KeyError` for a part that no variable stands for."""
    return [f"export {VARIABLES[name]}={shlex.quote(value)}" for name, value in parse_dsn(url).items()]


def main() -> None:
    """Prints the lines."""
    config = load_settings(OwnerSection)
    print("\n".join(shell_lines(config.owner_database_url)))
    print(f"BACKUPS={shlex.quote(str(config.data_dir.resolve() / 'backups'))}")
    try:
        print(f'export PATH={shlex.quote(str(installation() / "bin"))}:"$PATH"')
    except CannotStart:
        return


if __name__ == "__main__":
    main()
