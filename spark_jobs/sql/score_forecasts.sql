-- Writes into each forecast the price at its target: the last price of the window that ends there, as stored with the
-- forecast of any model. Looks at the windows that end in [first, last], for horizons up to longest_horizon.
UPDATE prediction_data forecast
SET actual_price = outcome.price_last, scored_at = now()
FROM (
    SELECT DISTINCT ON (crypto_symbol, timestamp) crypto_symbol, timestamp, price_last
    FROM prediction_data
    WHERE timestamp BETWEEN %(first)s AND %(last)s
    -- If the rows of a window differ, the one with the most prices counts.
    ORDER BY crypto_symbol, timestamp, sample_count DESC
) outcome
WHERE forecast.actual_price IS DISTINCT FROM outcome.price_last
    AND forecast.timestamp BETWEEN %(first)s - make_interval(secs => %(longest_horizon)s) AND %(last)s
    AND forecast.crypto_symbol = outcome.crypto_symbol
    AND forecast.target_at = outcome.timestamp
