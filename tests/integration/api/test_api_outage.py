"""The API while its database is unavailable, and after."""

import psycopg2
import pytest

from foundation.ports import free_ports

PATHS = [
    "prix/btc/historique/",
    "prix/btc/temps_reel/",
    "sentiment/btc/historique/",
    "predictions/btc/",
    "articles/btc/",
    "impact/btc/",
]


def _assert_unavailable(response):
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"] == "the database is temporarily unavailable; try again shortly"


@pytest.fixture
def nowhere():
    """The URL of a database without a server."""
    (port,) = free_ports(1)
    return f"postgresql://nobody:secret@127.0.0.1:{port}/nothing"


@pytest.mark.parametrize("path", PATHS)
def test_every_read_returns_503_with_retry_after(client, use_database, nowhere, path):
    use_database(nowhere)
    _assert_unavailable(client.get(f"/api/v1/{path}"))


def test_health_is_down_and_discloses_no_secret(client, use_database, nowhere):
    use_database(nowhere)
    response = client.get("/api/v1/health/")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    body = response.json()
    assert (body["status"], body["database"], body["tables"]) == ("down", "unreachable", {})
    assert b"secret" not in response.content


def test_a_bad_request_is_rejected_without_a_database(client, use_database, nowhere):
    use_database(nowhere)
    assert client.get("/api/v1/articles/btc/", {"limit": "x"}).status_code == 400
    assert client.get("/api/v1/articles/btcc/").status_code == 404


def test_a_database_without_our_tables_is_unavailable(client, use_database, postgres_url):
    use_database(postgres_url.rpartition("/")[0] + "/postgres")
    _assert_unavailable(client.get("/api/v1/articles/btc/"))


def test_a_broken_connection_is_replaced_at_the_next_request(client, api_database):
    from django.core.signals import request_started
    from django.db import close_old_connections, connection

    assert client.get("/api/v1/articles/btc/").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    owner = psycopg2.connect(api_database)
    with owner, owner.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    owner.close()
    assert close_old_connections in [entry[1]() for entry in request_started.receivers]
    close_old_connections()
    assert client.get("/api/v1/articles/btc/").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (pid,)


def test_the_api_cannot_write(client, api_database):
    from django.db import connection
    from django.db.utils import InternalError, ProgrammingError

    with pytest.raises((InternalError, ProgrammingError)), connection.cursor() as cursor:
        cursor.execute("INSERT INTO alert_data SELECT * FROM alert_data")
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute("DELETE FROM alert_data")
    connection.close()
