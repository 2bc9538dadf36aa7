-- The newest forecasts of an asset per model and horizon, oldest first. Omits windows that end after now: their forecasts
-- are not final. The recursive part lists models and horizons by index lookups (a loose index scan).
WITH RECURSIVE models (model_name, horizon_seconds) AS (
    (
        SELECT model_name, horizon_seconds
        FROM prediction_data
        WHERE crypto_symbol = %(symbol)s
        ORDER BY model_name, horizon_seconds
        LIMIT 1
    )
    UNION ALL
    SELECT later.model_name, later.horizon_seconds
    FROM models
    CROSS JOIN LATERAL (
        SELECT model_name, horizon_seconds
        FROM prediction_data
        WHERE crypto_symbol = %(symbol)s
            AND (model_name, horizon_seconds) > (models.model_name, models.horizon_seconds)
        ORDER BY model_name, horizon_seconds
        LIMIT 1
    ) later
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
        AND forecast.horizon_seconds = models.horizon_seconds
        AND forecast.timestamp >= %(start)s
        AND forecast.timestamp < %(end)s
        AND forecast.timestamp <= %(now)s
    ORDER BY timestamp DESC
    LIMIT %(limit)s
) newest
ORDER BY newest.timestamp, newest.model_name, newest.horizon_seconds
