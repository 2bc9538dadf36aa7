-- The two lengths of the API's candles that had no view yet, and what takes in late trades: nothing to do on this server.

CREATE VIEW candles_15m AS
SELECT
    pair,
    time_bucket(INTERVAL '15 minutes', timestamp) AS timestamp,
    (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
    sum(volume) AS volume,
    count(*) AS trade_count
FROM trade_data
GROUP BY pair, time_bucket(INTERVAL '15 minutes', timestamp);
COMMENT ON VIEW candles_15m IS 'Candles of 15 minutes, stamped at their start, from trades; a candle without a trade is absent';

CREATE VIEW candles_4h AS
SELECT
    pair,
    time_bucket(INTERVAL '4 hours', timestamp) AS timestamp,
    (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
    sum(volume) AS volume,
    count(*) AS trade_count
FROM trade_data
GROUP BY pair, time_bucket(INTERVAL '4 hours', timestamp);
COMMENT ON VIEW candles_4h IS 'Candles of 4 hours, stamped at their start, from trades; a candle without a trade is absent';

CREATE PROCEDURE refresh_candles("from" timestamptz, "to" timestamptz)
    LANGUAGE plpgsql
AS $$
BEGIN
    -- candles are worked out from the trades whenever they are read
END
$$;
COMMENT ON PROCEDURE refresh_candles IS 'Takes the late trades of a range into the candles at once';
REVOKE EXECUTE ON PROCEDURE refresh_candles FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE refresh_candles TO cryptoviz_owner;
