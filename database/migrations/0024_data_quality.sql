-- Gaps, lateness, duplicates: the view told of the first two alone, and took a trade that is there twice for a missing one's.
CREATE OR REPLACE VIEW v_data_quality AS
WITH of_trades AS (
    SELECT
        pair,
        count(*) AS trades,
        count(DISTINCT trade_id) AS numbers,
        max(trade_id) - min(trade_id) + 1 AS width,
        max(timestamp) AS newest_at,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - timestamp)) AS lateness_p50_seconds,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM received_at - timestamp)) AS lateness_p99_seconds,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM inserted_at - received_at)) AS storing_p99_seconds
    FROM trade_data
    WHERE timestamp > now() - INTERVAL '1 day'
    GROUP BY pair
), of_ticks AS (
    SELECT pair, sum(times - 1)::bigint AS repeated
    FROM (
        SELECT pair, count(*) AS times
        FROM ticker_data
        WHERE timestamp > now() - INTERVAL '1 day'
        GROUP BY pair, timestamp, received_at
        HAVING count(*) > 1
    ) tick
    GROUP BY pair
), of_gaps AS (
    SELECT pair, count(*) AS open, sum(missing_left)::bigint AS missing
    FROM gap_data
    WHERE closed_at IS NULL AND to_time > now() - INTERVAL '1 day'
    GROUP BY pair
)
SELECT
    pair,
    coalesce(trades, 0) AS trades,
    coalesce(width - numbers, 0) AS missing_trades,
    newest_at,
    lateness_p50_seconds,
    lateness_p99_seconds,
    storing_p99_seconds,
    coalesce(trades - numbers, 0) AS duplicate_trades,
    coalesce(repeated, 0) AS duplicate_ticks,
    coalesce(open, 0) AS open_gaps,
    coalesce(missing, 0) AS missing_in_gaps
FROM of_trades
FULL JOIN of_ticks USING (pair)
FULL JOIN of_gaps USING (pair);
COMMENT ON VIEW v_data_quality IS
    'The last day per pair: trades missing and trades or ticks stored twice, how late they came, and the gaps still open';
COMMENT ON COLUMN v_data_quality.duplicate_trades IS 'Trades of the last day beyond the first of each number';
COMMENT ON COLUMN v_data_quality.duplicate_ticks IS 'Ticks of the last day beyond the first of each (timestamp, received_at)';
COMMENT ON COLUMN v_data_quality.open_gaps IS 'Gaps on record that reach into the last day and are not closed (each one: v_gaps)';
COMMENT ON COLUMN v_data_quality.missing_in_gaps IS 'How many trades are missing in these';
