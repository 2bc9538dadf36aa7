-- The newest forecasts of one asset by each model, oldest first. A window still open (it ends after now) is left out: its
-- forecast is not final.
WITH RECURSIVE models (model_name) AS (
    (SELECT model_name FROM prediction_data WHERE crypto_symbol = %(symbol)s ORDER BY model_name LIMIT 1)
    UNION ALL
    SELECT (
        SELECT later.model_name
        FROM prediction_data later
        WHERE later.crypto_symbol = %(symbol)s AND later.model_name > models.model_name
        ORDER BY later.model_name
        LIMIT 1
    )
    FROM models
    WHERE models.model_name IS NOT NULL
)
SELECT newest.*, newest.timestamp AS source_time
FROM models
CROSS JOIN LATERAL (
    SELECT
        timestamp, crypto_symbol, predicted_price, actual_price, model_name, confidence_interval_low,
        confidence_interval_high, horizon_seconds, target_at, model_version, scored_at, window_start, sample_count,
        price_stddev, price_min, price_max, price_last
    FROM prediction_data forecast
    WHERE forecast.crypto_symbol = %(symbol)s
        AND forecast.model_name = models.model_name
        AND forecast.timestamp >= %(start)s
        AND forecast.timestamp < %(end)s
        AND forecast.timestamp <= %(now)s
    ORDER BY timestamp DESC
    LIMIT %(limit)s
) newest
ORDER BY newest.timestamp, newest.model_name
