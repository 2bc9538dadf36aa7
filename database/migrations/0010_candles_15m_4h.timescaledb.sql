-- The two lengths of the API's candles that had no view yet, and what takes in late trades at once.

CREATE MATERIALIZED VIEW candles_15m
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    pair,
    time_bucket(INTERVAL '15 minutes', timestamp) AS timestamp,
    (array_agg(open ORDER BY timestamp))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY timestamp DESC))[1] AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count
FROM candles_5m
GROUP BY pair, time_bucket(INTERVAL '15 minutes', timestamp)
WITH NO DATA;
COMMENT ON VIEW candles_15m IS 'Candles of 15 minutes, stamped at their start, from trades; a candle without a trade is absent';
SELECT add_continuous_aggregate_policy('candles_15m', start_offset => NULL, end_offset => INTERVAL '45 minutes',
    schedule_interval => INTERVAL '15 minutes');

CREATE MATERIALIZED VIEW candles_4h
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    pair,
    time_bucket(INTERVAL '4 hours', timestamp) AS timestamp,
    (array_agg(open ORDER BY timestamp))[1] AS open,
    max(high) AS high,
    min(low) AS low,
    (array_agg(close ORDER BY timestamp DESC))[1] AS close,
    sum(volume) AS volume,
    sum(trade_count)::bigint AS trade_count
FROM candles_1h
GROUP BY pair, time_bucket(INTERVAL '4 hours', timestamp)
WITH NO DATA;
COMMENT ON VIEW candles_4h IS 'Candles of 4 hours, stamped at their start, from trades; a candle without a trade is absent';
SELECT add_continuous_aggregate_policy('candles_4h', start_offset => NULL, end_offset => INTERVAL '12 hours',
    schedule_interval => INTERVAL '2 hours');

-- Each length's range ends where that length is no longer kept: what is newer is worked out when it is read, and a candle
-- kept before its time would stay unfinished. It begins no earlier than the oldest trades: candles outlive their trades.
CREATE PROCEDURE refresh_candles("from" timestamptz, "to" timestamptz)
    LANGUAGE plpgsql
AS $$
DECLARE
    oldest timestamptz := (SELECT min(range_start) FROM timescaledb_information.chunks
        WHERE hypertable_schema = 'public' AND hypertable_name = 'trade_data');
    first timestamptz := greatest(time_bucket(INTERVAL '1 day', "from"), oldest);
    last timestamptz := time_bucket(INTERVAL '1 day', "to" + INTERVAL '1 day' - INTERVAL '1 microsecond');
    view text;
    kept_until timestamptz;
BEGIN
    -- the shorter ones first: the longer are made of them
    FOREACH view IN ARRAY ARRAY['candles_1m', 'candles_5m', 'candles_15m', 'candles_1h', 'candles_4h', 'candles_1d'] LOOP
        SELECT least(last, _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(mat_hypertable_id)))
        INTO STRICT kept_until
        FROM _timescaledb_catalog.continuous_agg
        WHERE user_view_schema = 'public' AND user_view_name = view;
        IF first < kept_until THEN
            CALL refresh_continuous_aggregate(view::regclass, first, kept_until);
            COMMIT; -- only then do the longer ones learn of it
        END IF;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE refresh_candles IS 'Takes the late trades of a range into the candles at once';
REVOKE EXECUTE ON PROCEDURE refresh_candles FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE refresh_candles TO cryptoviz_owner;
