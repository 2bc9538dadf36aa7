"""Temporary databases on a PostgreSQL server, and their contents."""

import secrets
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def own_database(server_url, name=None):
    """The owner's URL of a new, empty database on that server; dropped afterwards, open connections included."""
    name = name or f"test_{secrets.token_hex(6)}"
    execute(server_url, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url, statement):
    """Runs a statement outside a transaction."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def ask(url, statement):
    """Runs a statement, commits it, and returns its rows with times in UTC."""
    connection = psycopg2.connect(url, options="-c timezone=UTC")
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
