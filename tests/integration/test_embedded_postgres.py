"""The embedded server: who may enter, and that its data outlive it."""

import psycopg2
import pytest

from foundation.ports import HOST, free_ports, port_is_open
from scripts.embedded.postgres import OWNER, owner_url, prepare_cluster, running_postgres, server_command
from tests.testkit.databases import ask


def test_server_asks_for_the_password_and_data_survive_a_restart(server_dir):
    data_dir = server_dir / "postgres-restarted"
    data_dir.mkdir()
    (port,) = free_ports(1)
    with running_postgres(data_dir, port, "a p@ss/word", "kept") as url:
        ask(url, "create table t as select 42 as n")
        assert ask(url, "select current_user, rolsuper from pg_roles where rolname = current_user") == [(OWNER, True)]
        assert ask(url, "select current_setting('timezone'), current_setting('server_encoding')") == [("UTC", "UTF8")]
        assert ask(url, "select lower('ÉÀ')") == [("éà",)]
        assert (data_dir / "postgres" / "PG_VERSION").stat().st_uid != 0
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(owner_url(port, "wrong", "kept"))
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(host=HOST, port=port, user=OWNER, dbname="kept", password="")
    assert not port_is_open(port)
    with running_postgres(data_dir, port, "a p@ss/word", "kept") as url:
        assert ask(url, "select n from t") == [(42,)]


def test_cluster_is_made_once(server_dir):
    data_dir = server_dir / "made-once"
    cluster = prepare_cluster(data_dir, "secret", "one")
    before = (cluster / "PG_VERSION").stat().st_mtime_ns
    assert prepare_cluster(data_dir, "another", "one") == cluster
    assert (cluster / "PG_VERSION").stat().st_mtime_ns == before
    assert [path.name for path in data_dir.iterdir()] == ["postgres"]


def test_cluster_without_a_password_is_refused_with_the_command_that_mends_it(server_dir):
    with pytest.raises(SystemExit, match=r"CRYPTOVIZ_DB_OWNER_PASSWORD is empty; run: python -m scripts\.secret_keys"):
        prepare_cluster(server_dir / "no-password", "", "one")


def test_durable_by_default(server_dir):
    command = server_command(server_dir / "postgres", 5433)
    assert "fsync=off" not in command
    assert f"listen_addresses={HOST}" in command
