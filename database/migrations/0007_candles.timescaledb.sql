-- Candles from trades, kept by TimescaleDB, the longer ones made of the shorter. What is newer than the last refresh is
-- worked out when it is read; a trade that comes later than that is taken in by the next refresh, however old it is.

CREATE MATERIALIZED VIEW candles_1m
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
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
GROUP BY pair, time_bucket(INTERVAL '1 minute', timestamp)
WITH NO DATA;
COMMENT ON VIEW candles_1m IS 'Candles of 1 minute, stamped at their start, from trades; a candle without a trade is absent';
SELECT add_continuous_aggregate_policy('candles_1m', start_offset => NULL, end_offset => INTERVAL '5 minutes',
    schedule_interval => INTERVAL '1 minute');

CREATE MATERIALIZED VIEW candles_5m
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    pair,
    time_bucket(INTERVAL '5 minutes', timestamp) AS timestamp,
    (array_agg(open ORDER BY timestamp))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY timestamp DESC))[1] AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count
FROM candles_1m
GROUP BY pair, time_bucket(INTERVAL '5 minutes', timestamp)
WITH NO DATA;
COMMENT ON VIEW candles_5m IS 'Candles of 5 minutes, stamped at their start, from trades; a candle without a trade is absent';
SELECT add_continuous_aggregate_policy('candles_5m', start_offset => NULL, end_offset => INTERVAL '15 minutes',
    schedule_interval => INTERVAL '5 minutes');

CREATE MATERIALIZED VIEW candles_1h
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    pair,
    time_bucket(INTERVAL '1 hour', timestamp) AS timestamp,
    (array_agg(open ORDER BY timestamp))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY timestamp DESC))[1] AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count
FROM candles_5m
GROUP BY pair, time_bucket(INTERVAL '1 hour', timestamp)
WITH NO DATA;
COMMENT ON VIEW candles_1h IS 'Candles of 1 hour, stamped at their start, from trades; a candle without a trade is absent';
SELECT add_continuous_aggregate_policy('candles_1h', start_offset => NULL, end_offset => INTERVAL '2 hours',
    schedule_interval => INTERVAL '30 minutes');

CREATE MATERIALIZED VIEW candles_1d
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    pair,
    time_bucket(INTERVAL '1 day', timestamp) AS timestamp,
    (array_agg(open ORDER BY timestamp))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY timestamp DESC))[1] AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count
FROM candles_1h
GROUP BY pair, time_bucket(INTERVAL '1 day', timestamp)
WITH NO DATA;
COMMENT ON VIEW candles_1d IS 'Candles of 1 day, stamped at their start, from trades; a candle without a trade is absent';
SELECT add_continuous_aggregate_policy('candles_1d', start_offset => NULL, end_offset => INTERVAL '2 days',
    schedule_interval => INTERVAL '6 hours');
