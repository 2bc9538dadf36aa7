"""The views for analysts, on both servers."""


def test_the_scorecard_compares_each_model_with_the_last_price(engine, rows):
    engine.execute(
        "INSERT INTO prediction_data (timestamp, crypto_symbol, predicted_price, actual_price, model_name,"
        " confidence_interval_low, confidence_interval_high, horizon_seconds, target_at, model_version, window_start,"
        " sample_count, price_stddev, price_min, price_max, price_last) VALUES"
        " ('2026-01-05 10:00Z', 'BTC', 10, 12, 'm', 9, 11, 60, '2026-01-05 10:01Z', '', '2026-01-05Z', 1, 1, 1, 1, 11),"
        " ('2026-01-05 10:01Z', 'BTC', 12, 13, 'm', 9, 15, 60, '2026-01-05 10:02Z', '', '2026-01-05Z', 1, 1, 1, 1, 11),"
        " ('2026-01-05 10:02Z', 'BTC', 99, NULL, 'm', 9, 15, 60, '2026-01-05Z', '', '2026-01-05Z', 1, 1, 1, 1, 11)"
    )
    assert rows("SELECT * FROM v_forecast_scorecard") == [
        {
            "crypto_symbol": "BTC",
            "model_name": "m",
            "model_version": "",
            "horizon_seconds": 60,
            "forecasts": 3,
            "scored": 2,
            "mean_absolute_error": 1.5,
            "last_price_absolute_error": 1.5,
            "bias": -1.5,
            "interval_coverage": 0.5,
        }
    ]


def test_data_quality_counts_the_numbers_missing_in_the_sequence(engine, rows):
    engine.execute(
        "INSERT INTO trade_data (timestamp, pair, price, volume, side, trade_id, received_at, inserted_at)"
        " SELECT now() - n * INTERVAL '1 minute', 'BTC/USD', 1, 1, 'buy', 100 - n, now() - n * INTERVAL '1 minute'"
        " + INTERVAL '2 seconds', now() - n * INTERVAL '1 minute' + INTERVAL '5 seconds'"
        " FROM unnest(ARRAY[1, 2, 4, 7]) n"
    )
    (row,) = rows("SELECT * FROM v_data_quality")
    assert (row["pair"], row["trades"], row["missing_trades"]) == ("BTC/USD", 4, 3)
    assert (row["lateness_p50_seconds"], row["lateness_p99_seconds"], row["storing_p99_seconds"]) == (2, 2, 3)


TRADE = "INSERT INTO trade_data (timestamp, pair, price, volume, side, trade_id, received_at) VALUES"
TICK = "INSERT INTO ticker_data (timestamp, pair, last, bid, ask, volume_24h, received_at) VALUES"
GAP = (
    "INSERT INTO gap_data (timestamp, pair, from_id, to_id, to_time, cause, missing_left, detected_at, reported_at,"
    " closed_at, source) VALUES"
)
COUNTS = (
    "SELECT pair, trades, missing_trades, duplicate_trades, duplicate_ticks, open_gaps, missing_in_gaps"
    " FROM v_data_quality ORDER BY pair"
)


def test_data_quality_counts_what_is_there_twice_and_does_not_take_it_for_what_is_missing(engine, rows):
    at = ("now() - INTERVAL '3 minutes'", "now() - INTERVAL '2 minutes'", "now() - INTERVAL '2 days'")
    trades = [(at[0], 1), (at[1], 1), (at[1], 4), (at[2], 2), (at[2] + " - INTERVAL '1 hour'", 2)]
    for time, number in trades:
        engine.execute(f"{TRADE} ({time}, 'BTC/USD', 1, 1, 'buy', {number}, now())")
    ticks = [(at[0], at[0])] * 3 + [(at[0], at[1]), (at[1], at[1])] + [(at[2], at[2])] * 2
    for time, known in ticks:
        engine.execute(f"{TICK} ({time}, 'BTC/USD', 1, 1, 1, 1, {known}), ({time}, 'ETH/USD', 1, 1, 1, 1, {known})")
    assert rows(COUNTS) == [
        {"pair": "BTC/USD", "trades": 3, "missing_trades": 2, "duplicate_trades": 1, "duplicate_ticks": 2}
        | {"open_gaps": 0, "missing_in_gaps": 0},
        {"pair": "ETH/USD", "trades": 0, "missing_trades": 0, "duplicate_trades": 0, "duplicate_ticks": 2}
        | {"open_gaps": 0, "missing_in_gaps": 0},
    ]


def test_data_quality_counts_the_gaps_that_are_open_in_the_last_day(engine, rows):
    for number, (begin, end, left, closed) in enumerate(
        [(30, 20, 5, "NULL"), (3, 2, 7, "NULL"), (2, 1, 0, "now()"), (30, 25, 9, "NULL")]
    ):
        times = [f"now() - INTERVAL '{hours} hours'" for hours in (begin, end)]
        engine.execute(
            f"{GAP} ({times[0]}, 'BTC/USD', {number}, 99, {times[1]}, 'jump', {left}, now(), now(), {closed}, 'kraken')"
        )
    assert rows(COUNTS) == [
        {"pair": "BTC/USD", "trades": 0, "missing_trades": 0, "duplicate_trades": 0, "duplicate_ticks": 0}
        | {"open_gaps": 2, "missing_in_gaps": 12},
    ]


def test_a_candle_stands_beside_the_sentiment_known_when_it_began(engine, rows):
    engine.execute(
        "INSERT INTO trade_data (timestamp, pair, price, volume, side, trade_id, received_at) VALUES"
        " ('2026-01-05 09:30Z', 'BTC/USD', 1, 1, 'buy', 1, '2026-01-05Z'),"
        " ('2026-01-05 10:30Z', 'BTC/USD', 2, 1, 'buy', 2, '2026-01-05Z')"
    )
    engine.execute(
        "INSERT INTO sentiment_data (timestamp, crypto_symbol, sentiment_score, sentiment_label, source, confidence,"
        " window_start, article_count, story_count) VALUES"
        " ('2026-01-05 09:57Z', 'BTC', 0.25, 'negative', 'aggregated_articles', 1, '2026-01-05Z', 2, 2),"
        " ('2026-01-05 10:00Z', 'BTC', 0.5, 'neutral', 'aggregated_articles', 0, '2026-01-05Z', 3, 0),"
        " ('2026-01-05 10:00:30Z', 'BTC', 0.75, 'positive', 'aggregated_articles', 1, '2026-01-05Z', 3, 2),"
        " ('2026-01-05 10:00Z', 'ETH', 0.5, 'neutral', 'aggregated_articles', 1, '2026-01-05Z', 4, 2)"
    )
    found = rows("SELECT open, sentiment_score, article_count FROM v_price_sentiment_1h ORDER BY timestamp")
    assert found == [
        {"open": 1, "sentiment_score": None, "article_count": None},
        {"open": 2, "sentiment_score": 0.25, "article_count": 2},
    ]


def test_the_newest_price_and_trade_of_each_pair(engine, rows):
    engine.execute(
        "INSERT INTO latest_tick (timestamp, pair, last, bid, ask, volume_24h, received_at) SELECT"
        " '2026-01-05Z', pair, 3, 3, 3, 3, '2026-01-05Z' FROM unnest(ARRAY['ETH/USD', 'BTC/USD', 'SOL/USD']) pair"
    )
    engine.execute(
        "INSERT INTO trade_data (timestamp, pair, price, volume, side, trade_id, received_at) SELECT"
        " '2026-01-05Z'::timestamptz, pair, n, n, 'buy', n, '2026-01-05Z'"
        " FROM generate_series(1, 3) n, unnest(ARRAY['ETH/USD', 'BTC/USD']) pair"
    )
    assert [(row["pair"], row["last"]) for row in rows("SELECT * FROM v_latest_prices ORDER BY pair")] == [
        ("BTC/USD", 3),
        ("ETH/USD", 3),
        ("SOL/USD", 3),
    ]
    assert [(row["pair"], row["trade_id"]) for row in rows("SELECT * FROM v_latest_trades")] == [
        ("BTC/USD", 3),
        ("ETH/USD", 3),
    ]


def test_gaps_say_what_came_after_all_and_how_long_it_took(engine, rows):
    engine.execute(
        "INSERT INTO gap_data (timestamp, pair, from_id, to_id, to_time, cause, missing_left, detected_at, reported_at,"
        " closed_at, source) VALUES"
        " ('2026-01-05 10:00Z', 'BTC/USD', 11, 20, '2026-01-05 10:00:05Z', 'reconnect', 0, '2026-01-05 10:00:06Z',"
        " '2026-01-05 10:00:08.5Z', '2026-01-05 10:00:08.5Z', 'kraken'),"
        " ('2026-01-05 11:00Z', 'BTC/USD', 31, 40, '2026-01-05 11:00:05Z', 'jump', 7, '2026-01-05 11:00:06Z',"
        " '2026-01-05 11:00:08Z', NULL, 'kraken')"
    )
    found = rows("SELECT * FROM v_gaps ORDER BY from_time")
    assert [(r["trades"], r["recovered"], r["missing_left"], r["cause"], r["open_seconds"]) for r in found] == [
        (10, 10, 0, "reconnect", 2.5),
        (10, 3, 7, "jump", None),
    ]
    assert [(r["pair"], r["from_id"], r["to_id"], r["closed_at"] is None) for r in found] == [
        ("BTC/USD", 11, 20, False),
        ("BTC/USD", 31, 40, True),
    ]


def _market(pair, source, minute, price):
    return (
        "INSERT INTO market_data (timestamp, pair, source, price, received_at) VALUES"
        f" ('2026-01-05 10:{minute:02}Z', '{pair}', '{source}', {price}, '2026-01-05Z')"
    )


def test_the_newest_market_of_each_pair_at_each_source(engine, rows):
    for row in (
        ("BTC/USDT", "binance", 1, 100),
        ("BTC/USDT", "binance", 2, 102),
        ("BTC/USD", "coingecko", 0, 101),
        ("ETH/USDT", "binance", 0, 10),
        ("BTC/EUR", "coingecko", 0, 90),
    ):
        engine.execute(_market(*row))
    found = rows("SELECT * FROM v_latest_markets ORDER BY pair, source")
    assert [(row["pair"], row["source"], row["price"]) for row in found] == [
        ("BTC/EUR", "coingecko", 90),
        ("BTC/USD", "coingecko", 101),
        ("BTC/USDT", "binance", 102),
        ("ETH/USDT", "binance", 10),
    ]
    engine.execute(
        "INSERT INTO latest_tick (timestamp, pair, last, bid, ask, volume_24h, received_at)"
        " VALUES ('2026-01-05 10:02Z', 'BTC/USD', 100, 99, 101, 1, '2026-01-05Z')"
    )
    found = rows("SELECT * FROM v_venue_prices ORDER BY pair, source")
    assert [
        (r["crypto_symbol"], r["pair"], r["source"], r["kraken_price"], r["difference_percent"]) for r in found
    ] == [
        ("BTC", "BTC/USD", "coingecko", 100, 1),
        ("BTC", "BTC/USDT", "binance", 100, 2),
        ("ETH", "ETH/USDT", "binance", None, None),
    ]
