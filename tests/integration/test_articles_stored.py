"""Versions of articles into their table, on a real PostgreSQL: of each article the newest, under the first's time."""

import numpy as np
import psycopg2
import pytest

from contracts.messages import Article, Sentiment
from contracts.tables import ARTICLE_DATA
from contracts.topics import RAWARTICLE
from spark_jobs.edges.timescale_sink import copy_new, for_table
from spark_jobs.transforms.decode import decode

pytestmark = pytest.mark.verdict

AT = 1_790_358_506.0


def article(name, revision, title, **changes):
    told = {
        "id": name,
        "title": title,
        "url": "https://decrypt.co/1",
        "website": "decrypt",
        "summary": "",
        "published_at": AT,
        "collected_at": AT + revision,
        "sentiment": Sentiment(score=0.5, label="neutral", confidence=0.0, scorer="x-1"),
        "cryptocurrencies_mentioned": ["BTC"],
        "revision": revision,
    }
    return Article(**(told | changes))


@pytest.fixture
def store(database_url):
    """Stores versions as one batch; gives how many rows changed, and all rows there are."""
    connection = psycopg2.connect(database_url, options="-c timezone=UTC")

    def stored(*versions):
        values = [version.to_json() for version in versions]
        with connection, connection.cursor() as cursor:
            changed = copy_new(
                cursor,
                ARTICLE_DATA,
                for_table(ARTICLE_DATA, decode(RAWARTICLE.name, values, np.full(len(values), AT)).rows),
            )
            cursor.execute("SELECT article_id, revision, title, story_id FROM article_data ORDER BY article_id")
            return changed, cursor.fetchall()

    yield stored
    connection.close()


def test_an_edited_article_stays_one_row_and_an_old_version_never_comes_back(store):
    first, second = article("a", 1, "One"), article("a", 2, "Two")
    other = article("b", 1, "Else", story_id="a")
    assert store(first) == (1, [("a", 1, "One", "a")])
    assert store(second, other) == (2, [("a", 2, "Two", "a"), ("b", 1, "Else", "a")])
    assert store(first, second, other) == (0, [("a", 2, "Two", "a"), ("b", 1, "Else", "a")])


def test_of_several_versions_in_one_batch_the_newest_is_kept(store):
    assert store(article("a", 2, "Two"), article("a", 3, "Three"), article("a", 1, "One")) == (
        1,
        [("a", 3, "Three", "a")],
    )
