"""What the API answers over a small market, for every name of an asset."""

import re
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from psycopg2.extras import execute_values

from contracts.tables import MARKET_DATA

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
TODAY = NOW.replace(minute=0, second=0, microsecond=0) - 3 * HOUR

ALIASES = ["btc", "BTC", "bitcoin", "xbt", "XXBT", "BTC%2FUSD", "btc-usd", "BTCUSD", "XBT%2FUSD"]
PATHS = [
    *("prix/{}/historique/", "prix/{}/temps_reel/", "marche/{}/"),
    *("sentiment/{}/historique/", "predictions/{}/", "articles/{}/"),
    "impact/{}/",
]


def _insert(cursor, table, rows):
    columns = ", ".join(rows[0])
    execute_values(cursor, f"INSERT INTO {table} ({columns}) VALUES %s", [tuple(row.values()) for row in rows])


def _trade(at, trade_id, price, volume=1.0, pair="BTC/USD"):
    row = {"timestamp": at, "pair": pair, "price": price, "volume": volume, "side": "buy", "trade_id": trade_id}
    return {**row, "received_at": at}


def _ticker(at, pair, last):
    row = {"timestamp": at, "pair": pair, "last": last, "bid": last - 1, "ask": last + 1, "volume_24h": 5.5}
    return {**row, "received_at": at + timedelta(seconds=1)}


def _market(at, source, pair, price, **told):
    row = {"timestamp": at, "pair": pair, "source": source, "price": price, "received_at": at + timedelta(seconds=2)}
    optional = dict.fromkeys(sorted(MARKET_DATA.nullable))
    return {**row, **optional, **told}


def _sentiment(at, score, articles):
    row = {"window_start": at, "timestamp": at + timedelta(minutes=3), "crypto_symbol": "BTC"}
    row |= {"sentiment_score": score, "sentiment_label": "neutral", "source": "aggregated_articles", "confidence": 0.5}
    return {**row, "article_count": articles + 1, "story_count": articles}


def _prediction(at, price):
    row = {"timestamp": at, "crypto_symbol": "BTC", "predicted_price": price, "model_name": "moving_average"}
    row |= {"confidence_interval_low": price - 1, "confidence_interval_high": price + 1, "horizon_seconds": 60}
    row |= {"target_at": at + timedelta(seconds=60), "model_version": "1", "window_start": at - timedelta(minutes=3)}
    return {**row, "sample_count": 3, "price_stddev": 0.5, "price_min": 1.0, "price_max": 2.0, "price_last": 1.5}


def _article(at, name, coins):
    row = {"timestamp": at, "article_id": name, "title": f"Títle {name}", "url": f"https://example.org/{name}"}
    row |= {"website": "example", "summary": "s", "cryptocurrencies_mentioned": coins, "sentiment_score": 0.75}
    row |= {"scorer": "vader", "sentiment_hits": ["all time high", 'not "hacked"']}
    return {**row, "sentiment_label": "positive", "confidence": 0.5, "collected_at": at, "story_id": "a"}


@pytest.fixture(scope="module", autouse=True)
def market(api_database):
    """The market that all tests of this file see."""
    connection = psycopg2.connect(api_database)
    with connection, connection.cursor() as cursor:
        trades = [_trade(TODAY - HOUR, 1, 90.0), _trade(TODAY, 2, 100.0), _trade(TODAY, 3, 103.0, 2.0)]
        trades += [_trade(TODAY + timedelta(minutes=59), 4, 99.0), _trade(TODAY + 2 * HOUR, 5, 98.5)]
        _insert(cursor, "trade_data", trades)
        ticks = [
            _ticker(TODAY + HOUR, "BTC/USD", 101.25),
            _ticker(TODAY, "BTC/EUR", 90.0),
            _ticker(TODAY, "ETH/USD", 10.0),
        ]
        _insert(cursor, "latest_tick", ticks)
        _insert(cursor, "ticker_data", [_ticker(TODAY + 3 * HOUR, "BTC/USD", 101.25)])
        markets = [
            _market(TODAY, "binance", "BTC/USDT", 100.5, bid=100.0, ask=101.0, spread=1.0),
            _market(TODAY + HOUR, "binance", "BTC/USDT", 101.5, bid=101.0, ask=102.0, spread=1.0, recent_trades=3),
            _market(TODAY + HOUR, "coingecko", "BTC/USD", 101.0, market_cap=2e12),
            _market(TODAY, "coingecko", "ETH/USD", 10.0),
        ]
        _insert(cursor, "market_data", markets)
        windows = [(TODAY, 0.75, 3), (TODAY + timedelta(minutes=3), 0.25, 1), (TODAY + HOUR, 0.25, 2)]
        _insert(cursor, "sentiment_data", [_sentiment(*window) for window in windows])
        # NOW is when the tests were collected: the last of these windows has not ended, however long ago that is.
        times = [TODAY, TODAY + timedelta(seconds=30), NOW + timedelta(days=2)]
        _insert(cursor, "prediction_data", [_prediction(at, 100.0 + place) for place, at in enumerate(times)])
        articles = [_article(TODAY, "a", ["BTC"]), _article(TODAY + HOUR, "b", ["ETH", "BTC"])]
        _insert(cursor, "article_data", [*articles, _article(TODAY + 2 * HOUR, "c", ["ETH"])])
    connection.close()


def _iso(moment):
    return moment.isoformat().replace("+00:00", "Z")


def _get(client, path, **parameters):
    response = client.get(f"/api/v1/{path}", parameters)
    assert response.status_code == 200, response.content
    return response.json()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("path", PATHS)
def test_every_name_of_an_asset_gets_the_same_answer(client, path, alias):
    answer = _get(client, path.format(alias))
    beside = ["as_of", "source_time", "lag_ms", "complete", "gaps"]
    assert list(answer) == ["crypto_symbol", "asset", "count", "data", *beside]
    assert (answer["gaps"] is None) == ("historique" not in path or "prix" not in path)
    assert answer["crypto_symbol"] == alias.replace("%2F", "/").upper()
    assert answer["asset"] == "BTC"
    assert answer["count"] == len(answer["data"]) > 0
    as_of, source_time = (datetime.fromisoformat(answer[name]) for name in ("as_of", "source_time"))
    assert answer["lag_ms"] == round((as_of - source_time).total_seconds() * 1000) >= 0
    plain = _get(client, path.format("btc"))
    assert [row for row in plain["data"] if row.get("pair", "BTC/USD") == "BTC/USD"] == [
        row for row in answer["data"] if row.get("pair", "BTC/USD") == "BTC/USD"
    ]


def test_candles_come_from_trades_in_usd_oldest_first(client):
    answer = _get(client, "prix/btc/historique/", start=_iso(TODAY), end=_iso(TODAY + 3 * HOUR), interval="1h")
    first = {"timestamp": _iso(TODAY), "pair": "BTC/USD", "open": 100.0, "high": 103.0, "low": 99.0, "close": 99.0}
    last = {"timestamp": _iso(TODAY + 2 * HOUR), "pair": "BTC/USD", **dict.fromkeys(("open", "high", "low"), 98.5)}
    assert answer["data"] == [
        {**first, "volume": 4.0, "trade_count": 3, "closed": True},
        {**last, "close": 98.5, "volume": 1.0, "trade_count": 1, "closed": True},
    ]
    assert answer["source_time"] == _iso(TODAY + 2 * HOUR)
    assert answer["complete"] is True


def test_candles_may_be_fewer_or_turned_round(client):
    asked = {"periode": "24h", "interval": "1h"}
    whole = _get(client, "prix/btc/historique/", **asked)["data"]
    assert [row["open"] for row in whole] == [90.0, 100.0, 98.5]
    assert _get(client, "prix/btc/historique/", **asked, limit=2)["data"] == whole[1:]
    assert _get(client, "prix/btc/historique/", **asked, order="desc")["data"] == whole[::-1]


def test_the_range_of_candles_is_half_open_in_every_notation(client):
    start, end = TODAY - HOUR, TODAY
    answers = [
        _get(client, "prix/btc/historique/", interval="1h", start=a, end=b)["data"]
        for a, b in [
            (_iso(start), _iso(end)),
            (start.timestamp(), end.timestamp()),
            (int(start.timestamp() * 1000), int(end.timestamp() * 1000)),
        ]
    ]
    assert [row["open"] for row in answers[0]] == [90.0]
    assert answers[0] == answers[1] == answers[2]


def test_a_first_trade_without_a_known_one_before_leaves_completeness_open(client):
    assert _get(client, "prix/btc/historique/", periode="7d")["complete"] is None


NO_GAPS = {"count": 0, "missing_trades": 0, "from_time": None, "to_time": None}


@pytest.fixture
def gaps(api_database):
    """Two open gaps and a closed one of ETH/USD, while the test runs; its trades have no other hole."""
    rows = [
        _gap(TODAY + timedelta(minutes=1), TODAY + timedelta(minutes=2), 11, 7),
        _gap(TODAY + HOUR, TODAY + 2 * HOUR, 30, 40),
        _gap(TODAY + 2 * HOUR, TODAY + 2 * HOUR + timedelta(minutes=1), 80, 0),
    ]
    connection = psycopg2.connect(api_database)
    with connection, connection.cursor() as cursor:
        _insert(cursor, "gap_data", rows)
        minutes = [(0, 9), (1, 10), (2, 18), (3, 19)]
        trades = [_trade(TODAY + timedelta(minutes=at), number, 10.0, pair="ETH/USD") for at, number in minutes]
        trades += [_trade(TODAY - HOUR, 7, 10.0, pair="ETH/USD"), _trade(TODAY - HOUR, 8, 10.0, pair="ETH/USD")]
        _insert(cursor, "trade_data", trades)
    yield
    with connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM gap_data; DELETE FROM trade_data WHERE pair = 'ETH/USD'")
    connection.close()


def _gap(start, end, from_id, missing):
    row = {"timestamp": start, "pair": "ETH/USD", "from_id": from_id, "to_id": from_id + 49, "to_time": end}
    row |= {"cause": "reconnect", "missing_left": missing, "detected_at": end, "reported_at": end}
    return {**row, "closed_at": None if missing else end, "source": "kraken"}


@pytest.mark.parametrize(
    ("first", "last", "count", "missing", "candles", "complete"),
    [
        (0, 3, 1, 7, 3, False),  # within: the numbers show it too
        (0, 1, 0, 0, 1, True),
        (1, 2, 1, 7, 1, False),  # past the last trade of the stretch: the record alone shows it
        (0, 120, 2, 47, 4, False),
        (90, 100, 1, 40, 0, False),  # no trade at all, and it is known why
        (130, 150, 0, 0, 0, None),
        (3, 10, 0, 0, 1, None),  # nothing is known of the time after the last trade
    ],
)
def test_candles_tell_of_the_open_gaps_in_their_stretch(client, gaps, first, last, count, missing, candles, complete):
    start, end = (_iso(TODAY + timedelta(minutes=at)) for at in (first, last))
    answer = _get(client, "prix/eth/historique/", interval="1m", start=start, end=end)
    assert (answer["gaps"]["count"], answer["gaps"]["missing_trades"]) == (count, missing)
    assert (answer["count"], answer["complete"]) == (candles, complete)


def test_open_gaps_are_told_with_their_times_and_of_their_own_pair_alone(client, gaps):
    asked = {"interval": "1m", "start": _iso(TODAY), "end": _iso(TODAY + 3 * HOUR)}
    times = {"from_time": _iso(TODAY + timedelta(minutes=1)), "to_time": _iso(TODAY + 2 * HOUR)}
    assert _get(client, "prix/eth/historique/", **asked)["gaps"] == {"count": 2, "missing_trades": 47, **times}
    other = _get(client, "prix/btc/historique/", **asked)
    assert (other["gaps"], other["complete"]) == (NO_GAPS, True)


def test_a_pair_that_was_asked_for_is_never_answered_with_another(client):
    assert _get(client, "prix/btc-eur/historique/")["data"] == []
    assert [row["pair"] for row in _get(client, "prix/btc-eur/temps_reel/")["data"]] == ["BTC/EUR"]


def test_the_newest_ticker_of_each_pair(client):
    answer = _get(client, "prix/btc/temps_reel/")
    times = {"timestamp": _iso(TODAY + HOUR), "received_at": _iso(TODAY + HOUR + timedelta(seconds=1))}
    assert answer["data"][0] == {
        "pair": "BTC/USD",
        "last": 101.25,
        "bid": 100.25,
        "ask": 102.25,
        "volume_24h": 5.5,
        **times,
    }
    assert [row["pair"] for row in answer["data"]] == ["BTC/USD", "BTC/EUR"]


def test_the_newest_market_of_each_pair_and_source(client):
    answer = _get(client, "marche/btc/")
    assert [(row["pair"], row["source"], row["price"]) for row in answer["data"]] == [
        ("BTC/USD", "coingecko", 101.0),
        ("BTC/USDT", "binance", 101.5),
    ]
    nothing = dict.fromkeys(sorted(MARKET_DATA.nullable))
    received = _iso(TODAY + HOUR + timedelta(seconds=2))
    coingecko, binance = answer["data"]
    key = {"timestamp": _iso(TODAY + HOUR), "received_at": received}
    assert coingecko == {**key, "pair": "BTC/USD", "source": "coingecko", "price": 101.0, **nothing, "market_cap": 2e12}
    told = {"bid": 101.0, "ask": 102.0, "spread": 1.0, "recent_trades": 3}
    assert binance == {**key, "pair": "BTC/USDT", "source": "binance", "price": 101.5, **nothing, **told}
    assert list(binance) == list(MARKET_DATA.written_columns)
    assert answer["source_time"] == _iso(TODAY + HOUR)


def test_markets_of_one_source_or_one_pair(client):
    assert [row["source"] for row in _get(client, "marche/bitcoin/", source="binance")["data"]] == ["binance"]
    assert [row["pair"] for row in _get(client, "marche/btc-usdt/")["data"]] == ["BTC/USDT"]
    assert _get(client, "marche/btc-usdt/", source="coingecko")["data"] == []


def test_sentiment_is_weighted_by_stories(client):
    answer = _get(client, "sentiment/btc/historique/", periode="7d", interval="1h")
    assert answer["data"] == [
        {
            "timestamp": _iso(TODAY),
            "sentiment_score": 0.625,
            "sentiment_label": "positive",
            "confidence": 0.5,
            "article_count": 6,
            "story_count": 4,
        },
        {
            "timestamp": _iso(TODAY + HOUR),
            "sentiment_score": 0.25,
            "sentiment_label": "negative",
            "confidence": 0.5,
            "article_count": 3,
            "story_count": 2,
        },
    ]


def test_forecasts_of_ended_windows_only_oldest_first(client):
    answer = _get(client, "predictions/btc/")
    assert [row["predicted_price"] for row in answer["data"]] == [100.0, 101.0]
    assert answer["data"][0]["actual_price"] is None
    assert answer["source_time"] == _iso(TODAY + timedelta(seconds=30))
    assert [row["predicted_price"] for row in _get(client, "predictions/btc/", limit=1)["data"]] == [101.0]


def test_articles_newest_first_with_their_sentiment(client):
    answer = _get(client, "articles/btc/")
    assert [row["article_id"] for row in answer["data"]] == ["b", "a"]
    assert answer["data"][1] == {
        "timestamp": _iso(TODAY),
        "article_id": "a",
        "title": "Títle a",
        "url": "https://example.org/a",
        "website": "example",
        "summary": "s",
        "cryptocurrencies_mentioned": ["BTC"],
        "sentiment_score": 0.75,
        "sentiment_label": "positive",
        "confidence": 0.5,
        "scorer": "vader",
        "sentiment_hits": ["all time high", 'not "hacked"'],
        "collected_at": _iso(TODAY),
        "revision": 1,
        "story_id": "a",
    }
    assert [row["article_id"] for row in _get(client, "articles/btc/", order="asc")["data"]] == ["a", "b"]
    assert [row["article_id"] for row in _get(client, "articles/btc/", limit=1)["data"]] == ["b"]
    assert [row["article_id"] for row in _get(client, "articles/btc/", end=_iso(TODAY + HOUR))["data"]] == ["a"]


def test_what_the_price_did_after_a_story_that_counts_once(client):
    answer = _get(client, "impact/btc/", periode="1d")
    nothing = dict.fromkeys(("mean_return_percent", "low_percent", "high_percent"))
    assert answer["data"] == [
        {"sentiment_label": "positive", "horizon_minutes": 5, "stories": 0, "without_price": 1, **nothing},
        {"sentiment_label": "positive", "horizon_minutes": 30, "stories": 0, "without_price": 1, **nothing},
        {
            "sentiment_label": "positive",
            "horizon_minutes": 60,
            "stories": 1,
            "without_price": 0,
            **nothing,
            "mean_return_percent": pytest.approx((99 / 103 - 1) * 100, rel=1e-12),
        },
    ]
    assert (answer["asset"], answer["source_time"]) == ("BTC", _iso(TODAY))
    assert _get(client, "impact/btc/", start=_iso(TODAY + timedelta(seconds=1)))["data"] == []


@pytest.mark.parametrize("path", PATHS)
def test_a_known_asset_without_data_is_an_empty_answer(client, path):
    answer = _get(client, path.format("dogecoin"))
    assert (answer["asset"], answer["count"], answer["data"]) == ("DOGE", 0, [])
    assert (answer["source_time"], answer["lag_ms"], answer["complete"]) == (None, None, None)


@pytest.mark.parametrize("path", ["health", "health/"])
def test_health_tells_how_fresh_each_table_is(client, path):
    answer = _get(client, path)
    assert (answer["status"], answer["database"]) == ("ok", "reachable")
    assert answer["tables"]["ticker_data"]["newest_at"] == _iso(TODAY + HOUR)
    assert answer["tables"]["ticker_data"]["age_seconds"] > 0
    assert answer["tables"]["alert_data"] == {"newest_at": None, "age_seconds": None}


def _described(schema, node):
    while "$ref" in node:
        node = schema["components"]["schemas"][node["$ref"].rpartition("/")[2]]
    return node


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_has_the_fields_the_schema_describes(client, path):
    schema = client.get("/api/schema/", headers={"Accept": "application/json"}).json()
    operation = schema["paths"]["/api/v1/" + path.format("{crypto}")]["get"]
    envelope = _described(schema, operation["responses"]["200"]["content"]["application/json"]["schema"])
    item = _described(schema, envelope["properties"]["data"]["items"])
    answer = _get(client, path.format("btc"))
    assert set(envelope["properties"]) == set(answer)
    assert set(item["properties"]) == set(answer["data"][0])


def test_a_large_answer_is_compressed_for_those_who_can_read_it(client):
    response = client.get("/api/v1/predictions/btc/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("root", ["/", "/api/v1/"])
def test_the_root_links_into_the_api_and_every_link_works(client, root):
    page = client.get(root).content.decode()
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 9
    assert [client.get(link).status_code for link in links] == [200] * 9
