"""The environment in which PostgreSQL's own commands reach the database of the settings, for a shell's `eval`.

The password is in the environment, never on a command line, which other users can read. The commands of the embedded
installation, if there is one, come first in PATH: they are at least as new as the server.
"""

import shlex

from psycopg2.extensions import parse_dsn

from contracts.settings import OwnerSection, load_settings
from scripts.embedded.kafka import CannotStart
from scripts.embedded.postgres import installation

_LIBPQ_VARIABLES = {
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
    """One `export` for each parameter of a libpq URL. Raises `KeyError` for a parameter without a variable."""
    return [f"export {_LIBPQ_VARIABLES[name]}={shlex.quote(value)}" for name, value in parse_dsn(url).items()]


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
