"""Rows of a small market in the tables that the API reads, and requests to the API."""

from datetime import UTC, datetime, timedelta

from psycopg2.extras import execute_values

from contracts.tables import MARKET_DATA

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC)
TODAY = NOW.replace(minute=0, second=0, microsecond=0) - 3 * HOUR

PATHS = [
    *("prix/{}/historique/", "prix/{}/temps_reel/", "marche/{}/"),
    *("sentiment/{}/historique/", "predictions/{}/", "articles/{}/"),
    "impact/{}/",
]


def insert(cursor, table, rows):
    columns = ", ".join(rows[0])
    execute_values(cursor, f"INSERT INTO {table} ({columns}) VALUES %s", [tuple(row.values()) for row in rows])


def trade_row(at, trade_id, price, volume=1.0, pair="BTC/USD"):
    row = {"timestamp": at, "pair": pair, "price": price, "volume": volume, "side": "buy", "trade_id": trade_id}
    return {**row, "received_at": at}


def ticker_row(at, pair, last):
    row = {"timestamp": at, "pair": pair, "last": last, "bid": last - 1, "ask": last + 1, "volume_24h": 5.5}
    return {**row, "received_at": at + timedelta(seconds=1)}


def market_row(at, source, pair, price, **given):
    row = {"timestamp": at, "pair": pair, "source": source, "price": price, "received_at": at + timedelta(seconds=2)}
    optional = dict.fromkeys(sorted(MARKET_DATA.nullable))
    return {**row, **optional, **given}


def sentiment_row(at, score, articles):
    row = {"window_start": at, "timestamp": at + timedelta(minutes=3), "crypto_symbol": "BTC"}
    row |= {"sentiment_score": score, "sentiment_label": "neutral", "source": "aggregated_articles", "confidence": 0.5}
    return {**row, "article_count": articles + 1, "story_count": articles}


def prediction_row(at, price):
    row = {"timestamp": at, "crypto_symbol": "BTC", "predicted_price": price, "model_name": "moving_average"}
    row |= {"confidence_interval_low": price - 1, "confidence_interval_high": price + 1, "horizon_seconds": 60}
    row |= {"target_at": at + timedelta(seconds=60), "model_version": "1", "window_start": at - timedelta(minutes=3)}
    return {**row, "sample_count": 3, "price_stddev": 0.5, "price_min": 1.0, "price_max": 2.0, "price_last": 1.5}


def article_row(at, name, coins):
    row = {"timestamp": at, "article_id": name, "title": f"Títle {name}", "url": f"https://example.org/{name}"}
    row |= {"website": "example", "summary": "s", "cryptocurrencies_mentioned": coins, "sentiment_score": 0.75}
    row |= {"scorer": "vader", "sentiment_hits": ["all time high", 'not "hacked"']}
    return {**row, "sentiment_label": "positive", "confidence": 0.5, "collected_at": at, "story_id": "a"}


def gap_row(start, end, from_id, missing):
    row = {"timestamp": start, "pair": "ETH/USD", "from_id": from_id, "to_id": from_id + 49, "to_time": end}
    row |= {"cause": "reconnect", "missing_left": missing, "detected_at": end, "reported_at": end}
    return {**row, "closed_at": None if missing else end, "source": "kraken"}


def iso(moment):
    return moment.isoformat().replace("+00:00", "Z")


def get_json(client, path, **parameters):
    response = client.get(f"/api/v1/{path}", parameters)
    assert response.status_code == 200, response.content
    return response.json()


def insert_market(cursor):
    """Inserts the rows that the tests of all endpoints read."""
    trades = [trade_row(TODAY - HOUR, 1, 90.0), trade_row(TODAY, 2, 100.0), trade_row(TODAY, 3, 103.0, 2.0)]
    trades += [trade_row(TODAY + timedelta(minutes=59), 4, 99.0), trade_row(TODAY + 2 * HOUR, 5, 98.5)]
    insert(cursor, "trade_data", trades)
    ticks = [
        ticker_row(TODAY + HOUR, "BTC/USD", 101.25),
        ticker_row(TODAY, "BTC/EUR", 90.0),
        ticker_row(TODAY, "ETH/USD", 10.0),
    ]
    insert(cursor, "latest_tick", ticks)
    insert(cursor, "ticker_data", [ticker_row(TODAY + 3 * HOUR, "BTC/USD", 101.25)])
    markets = [
        market_row(TODAY, "binance", "BTC/USDT", 100.5, bid=100.0, ask=101.0, spread=1.0),
        market_row(TODAY + HOUR, "binance", "BTC/USDT", 101.5, bid=101.0, ask=102.0, spread=1.0, recent_trades=3),
        market_row(TODAY + HOUR, "coingecko", "BTC/USD", 101.0, market_cap=2e12),
        market_row(TODAY, "coingecko", "ETH/USD", 10.0),
    ]
    insert(cursor, "market_data", markets)
    windows = [(TODAY, 0.75, 3), (TODAY + timedelta(minutes=3), 0.25, 1), (TODAY + HOUR, 0.25, 2)]
    insert(cursor, "sentiment_data", [sentiment_row(*window) for window in windows])
    # NOW is when the tests were collected: the last of these windows has not ended, however long ago that is.
    times = [TODAY, TODAY + timedelta(seconds=30), NOW + timedelta(days=2)]
    insert(cursor, "prediction_data", [prediction_row(at, 100.0 + place) for place, at in enumerate(times)])
    articles = [article_row(TODAY, "a", ["BTC"]), article_row(TODAY + HOUR, "b", ["ETH", "BTC"])]
    insert(cursor, "article_data", [*articles, article_row(TODAY + 2 * HOUR, "c", ["ETH"])])
