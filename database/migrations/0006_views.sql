-- Views for people and for the API. Each finds what it needs by an index, however long the tables grow.

CREATE VIEW v_latest_prices AS
WITH RECURSIVE pairs (pair) AS (
    (SELECT pair FROM ticker_data ORDER BY pair LIMIT 1)
    UNION ALL
    SELECT (SELECT ticker.pair FROM ticker_data ticker WHERE ticker.pair > pairs.pair ORDER BY ticker.pair LIMIT 1)
    FROM pairs
    WHERE pairs.pair IS NOT NULL
)
SELECT newest.*
FROM pairs
CROSS JOIN LATERAL (
    SELECT pair, timestamp, last, bid, ask, volume_24h, received_at
    FROM ticker_data ticker
    WHERE ticker.pair = pairs.pair
    ORDER BY timestamp DESC, received_at DESC
    LIMIT 1
) newest;
COMMENT ON VIEW v_latest_prices IS 'The newest ticker of each pair';

CREATE VIEW v_latest_trades AS
WITH RECURSIVE pairs (pair) AS (
    (SELECT pair FROM trade_data ORDER BY pair LIMIT 1)
    UNION ALL
    SELECT (SELECT trade.pair FROM trade_data trade WHERE trade.pair > pairs.pair ORDER BY trade.pair LIMIT 1)
    FROM pairs
    WHERE pairs.pair IS NOT NULL
)
SELECT newest.*
FROM pairs
CROSS JOIN LATERAL (
    SELECT pair, timestamp, price, volume, side, trade_id, received_at
    FROM trade_data trade
    WHERE trade.pair = pairs.pair
    ORDER BY timestamp DESC, trade_id DESC
    LIMIT 1
) newest;
COMMENT ON VIEW v_latest_trades IS 'The newest trade of each pair';

CREATE VIEW v_freshness AS
SELECT 'ticker_data' AS table_name, max(timestamp) AS newest_at FROM v_latest_prices
UNION ALL SELECT 'trade_data', max(timestamp) FROM v_latest_trades
UNION ALL SELECT 'article_data', max(timestamp) FROM article_data
UNION ALL SELECT 'alert_data', max(timestamp) FROM alert_data
UNION ALL SELECT 'sentiment_data', max(timestamp) FROM sentiment_data
UNION ALL SELECT 'prediction_data', max(timestamp) FROM prediction_data;
COMMENT ON VIEW v_freshness IS 'Event time of the newest row of each table; NULL while it is empty';

CREATE VIEW v_forecast_scorecard AS
SELECT
    crypto_symbol,
    model_name,
    model_version,
    horizon_seconds,
    count(*) AS forecasts,
    count(actual_price) AS scored,
    avg(abs(predicted_price - actual_price)) AS mean_absolute_error,
    avg(abs(price_last - actual_price)) AS last_price_absolute_error,
    avg(predicted_price - actual_price) AS bias,
    avg((actual_price BETWEEN confidence_interval_low AND confidence_interval_high)::integer::double precision)
        FILTER (WHERE actual_price IS NOT NULL) AS interval_coverage
FROM prediction_data
GROUP BY crypto_symbol, model_name, model_version, horizon_seconds;
COMMENT ON VIEW v_forecast_scorecard IS
    'How good each model''s forecasts were, beside the forecast that the last price stays (last_price_absolute_error)';
