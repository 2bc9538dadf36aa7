-- Candles from trades. Plain PostgreSQL works them out when they are read.

CREATE VIEW candles_1m AS
SELECT
    pair,
    time_bucket(INTERVAL '1 minute', timestamp) AS timestamp,
    (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
    sum(volume) AS volume,
    count(*) AS trade_count
FROM trade_data
GROUP BY pair, time_bucket(INTERVAL '1 minute', timestamp);
COMMENT ON VIEW candles_1m IS 'Candles of 1 minute, stamped at their start, from trades; a candle without a trade is absent';

CREATE VIEW candles_5m AS
SELECT
    pair,
    time_bucket(INTERVAL '5 minutes', timestamp) AS timestamp,
    (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
    sum(volume) AS volume,
    count(*) AS trade_count
FROM trade_data
GROUP BY pair, time_bucket(INTERVAL '5 minutes', timestamp);
COMMENT ON VIEW candles_5m IS 'Candles of 5 minutes, stamped at their start, from trades; a candle without a trade is absent';

CREATE VIEW candles_1h AS
SELECT
    pair,
    time_bucket(INTERVAL '1 hour', timestamp) AS timestamp,
    (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
    sum(volume) AS volume,
    count(*) AS trade_count
FROM trade_data
GROUP BY pair, time_bucket(INTERVAL '1 hour', timestamp);
COMMENT ON VIEW candles_1h IS 'Candles of 1 hour, stamped at their start, from trades; a candle without a trade is absent';

CREATE VIEW candles_1d AS
SELECT
    pair,
    time_bucket(INTERVAL '1 day', timestamp) AS timestamp,
    (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
    sum(volume) AS volume,
    count(*) AS trade_count
FROM trade_data
GROUP BY pair, time_bucket(INTERVAL '1 day', timestamp);
COMMENT ON VIEW candles_1d IS 'Candles of 1 day, stamped at their start, from trades; a candle without a trade is absent';
