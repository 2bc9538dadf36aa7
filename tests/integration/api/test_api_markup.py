"""Article texts are data in responses: no browser interprets them as HTML."""

from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

TITLE = "Bitcoin <img src=x onerror=steal()> & <script>steal()</script>"


@pytest.fixture(scope="module", autouse=True)
def hostile_article(api_database):
    connection = psycopg2.connect(api_database)
    at = datetime.now(UTC) - timedelta(hours=1)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO article_data (timestamp, article_id, story_id, title, summary, url, website, collected_at, "
            "cryptocurrencies_mentioned, sentiment_score, sentiment_label, confidence, scorer) "
            "VALUES (%(at)s, 'hostile', 'hostile', %(text)s, %(text)s, 'https://x.example/1', 'x', %(at)s, "
            "'{BTC}', 0.5, 'neutral', 0, 'x-1')",
            {"at": at, "text": TITLE},
        )
    connection.close()


def test_markup_in_an_article_stays_data(client):
    answer = client.get("/api/v1/articles/btc/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Content-Type-Options"] == "nosniff"
    (article,) = answer.json()["data"]
    assert (article["title"], article["summary"]) == (TITLE, TITLE)


@pytest.mark.parametrize("path", ["articles/<script>steal()</script>/", "articles/btc/?limit=<script>steal()</script>"])
def test_markup_in_a_request_stays_data(client, path):
    answer = client.get(f"/api/v1/{path}", headers={"accept": "text/html, */*"})
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_home_page_has_no_input_from_outside(client):
    page = client.get("/")
    assert page["Content-Type"].startswith("text/html")
    assert b"<script" not in page.content
    assert client.get("/?<script>").content == page.content
