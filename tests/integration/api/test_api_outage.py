"""The API while its database is away, and after."""

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


def _refused(response):
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"] == "the database cannot answer right now; try again shortly"


@pytest.fixture
def nowhere():
    """The URL of a database that nobody serves."""
    (port,) = free_ports(1)
    return f"postgresql://nobody:secret@127.0.0.1:{port}/nothing"


@pytest.mark.parametrize("path", PATHS)
def test_every_read_says_when_to_come_back(client, use_database, nowhere, path):
    use_database(nowhere)
    _refused(client.get(f"/api/v1/{path}"))


def test_health_says_that_it_is_down_and_keeps_its_secrets(client, use_database, nowhere):
    use_database(nowhere)
    response = client.get("/api/v1/health/")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    body = response.json()
    assert (body["status"], body["database"], body["tables"]) == ("down", "unreachable", {})
    assert b"secret" not in response.content


def test_a_bad_request_needs_no_database_to_be_refused(client, use_database, nowhere):
    use_database(nowhere)
    assert client.get("/api/v1/articles/btc/", {"limit": "x"}).status_code == 400
    assert client.get("/api/v1/articles/btcc/").status_code == 404


def test_a_database_without_our_tables_is_away_too(client, use_database, postgres_url):
    use_database(postgres_url.rpartition("/")[0] + "/postgres")
    _refused(client.get("/api/v1/articles/btc/"))


def test_a_connection_that_was_cut_is_replaced_at_the_next_request(client, api_database):
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


def test_the_api_cannot_write_even_if_it_tried(client, api_database):
    from django.db import connection
    from django.db.utils import InternalError, ProgrammingError

    with pytest.raises((InternalError, ProgrammingError)), connection.cursor() as cursor:
        cursor.execute("INSERT INTO alert_data SELECT * FROM alert_data")
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute("DELETE FROM alert_data")
    connection.close()
