"""The API in this process, on a real PostgreSQL, with the privileges of its role."""

from urllib.parse import urlencode, urlsplit, urlunsplit

import pytest

from tests.testkit.databases import own_database


@pytest.fixture(scope="session")
def django_ready():
    """Django, set up once per process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRYPTOVIZ_API_SECRET_KEY", "for tests alone")
        patch.setenv("DJANGO_SETTINGS_MODULE", "crypto_viz.settings")
        import django

        django.setup()


@pytest.fixture(scope="session")
def use_database(django_ready):
    """A function that points the API at the database of a URL."""
    from django.db import connection

    from crypto_viz.settings import database_of

    def use(url):
        connection.close()
        as_api = urlsplit(url)._replace(query=urlencode({"options": "-c role=cryptoviz_api"}))
        connection.settings_dict.update(database_of(urlunsplit(as_api)))

    yield use
    connection.close()


@pytest.fixture(scope="module")
def api_database(postgres_url, use_database):
    """The owner's URL of a migrated database that the API reads."""
    from django.db import connection

    from database.migrate import migrate

    with own_database(postgres_url) as url:
        migrate(url)
        use_database(url)
        yield url
        connection.close()


@pytest.fixture
def client(django_ready):
    """A client that gets 500 responses instead of exceptions."""
    from django.test import Client

    return Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
