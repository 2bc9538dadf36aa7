"""One database with a small market, for all tests of this folder."""

import psycopg2
import pytest

from tests.testkit.api_market import insert_market
from tests.testkit.databases import own_database


@pytest.fixture(scope="session")
def market_url(postgres_url):
    """The owner's URL of a migrated database with the market."""
    from database.migrate import migrate

    with own_database(postgres_url) as url:
        migrate(url)
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            insert_market(cursor)
        connection.close()
        yield url


@pytest.fixture(scope="module", autouse=True)
def api_database(market_url, use_database):
    """The owner's URL of the database that the API reads in this module."""
    from django.db import connection

    use_database(market_url)
    yield market_url
    connection.close()
