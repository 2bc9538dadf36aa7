"""Databases of a test's own on a PostgreSQL server, and what is in them."""

import secrets
from contextlib import closing, contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2


@contextmanager
def own_database(server_url, name=None):
    """The owner's URL of a new, empty database on that server; dropped afterwards, whoever is still connected."""
    name = name or f"test_{secrets.token_hex(6)}"
    execute(server_url, f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url, statement):
    """Runs a statement that allows no transaction around it."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def ask(url, statement):
    """The rows of a statement, times in UTC; what it changes is committed."""
    connection = psycopg2.connect(url, options="-c timezone=UTC")
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
