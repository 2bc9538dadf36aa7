-- Candles of one pair from its trades, oldest first. first and last follow (timestamp, trade_id): ties in time are common.
-- complete: false if a trade_id is missing between the first and the last, true if none is and the trade before the
-- first is there too, else nobody can say. What is missing at the end of the stretch only the gaps on record tell.
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
    SELECT min(first_id) AS first_id, max(last_id) - min(first_id) + 1 = sum(trade_count) AS unbroken FROM candles
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
        WHEN NOT unbroken THEN false
        WHEN EXISTS (SELECT FROM trade_data WHERE pair = %(pair)s AND trade_id = span.first_id - 1) THEN true
    END AS complete
FROM candles, span
ORDER BY candles.timestamp
