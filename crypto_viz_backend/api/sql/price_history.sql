-- Candles of a pair from its trades, oldest first. Open and close order by (timestamp, trade_id): ties are common.
-- complete is false if a trade_id is missing between the first and the last trade. It is true if none is missing, the
-- trade before the first is stored, and either the trade after the last is stored, or there is no later trade and the
-- pair had a trade or tick near the end of the range. Otherwise NULL. Trades of the last seconds may still be in transit,
-- so the range ends max_silence ago at the latest.
WITH candles AS (
    SELECT
        time_bucket(%(interval)s, timestamp) AS timestamp,
        (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
        max(price) AS high,
        min(price) AS low,
        (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
        sum(volume) AS volume,
        count(*) AS trade_count,
        min(trade_id) AS first_id,
        max(trade_id) AS last_id,
        max(timestamp) AS newest_at
    FROM trade_data
    WHERE pair = %(pair)s AND timestamp >= %(start)s AND timestamp < %(end)s
    GROUP BY 1
), span AS (
    SELECT
        min(first_id) AS first_id,
        max(last_id) AS last_id,
        max(last_id) - min(first_id) + 1 = sum(trade_count) AS has_all_ids,
        max(newest_at) AS reaches_to,
        least(%(end)s, %(now)s - %(max_silence)s) AS ends_at
    FROM candles
), later AS (
    SELECT
        EXISTS (SELECT FROM trade_data WHERE pair = %(pair)s AND timestamp >= %(end)s) AS any_trade,
        EXISTS (
            SELECT FROM trade_data WHERE pair = %(pair)s AND timestamp >= %(end)s AND trade_id = span.last_id + 1
        ) AS next_trade,
        EXISTS (
            SELECT FROM ticker_data
            WHERE pair = %(pair)s AND timestamp >= span.ends_at AND timestamp < span.ends_at + %(max_silence)s
        ) AS any_tick
    FROM span
)
SELECT
    candles.timestamp,
    %(pair)s AS pair,
    open,
    high,
    low,
    close,
    volume,
    trade_count,
    candles.timestamp + %(interval)s <= %(now)s AS closed,
    newest_at AS source_time,
    CASE
        WHEN NOT has_all_ids THEN false
        WHEN NOT EXISTS (SELECT FROM trade_data WHERE pair = %(pair)s AND trade_id = span.first_id - 1) THEN NULL
        WHEN next_trade OR NOT any_trade AND (reaches_to >= ends_at OR any_tick) THEN true
    END AS complete
FROM candles, span, later
ORDER BY candles.timestamp
