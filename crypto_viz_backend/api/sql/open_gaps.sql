-- Summary of a pair's open gaps that overlap a time range: always one row, with count 0 if there are none.
-- A missing trade's time is between those of the trades on both sides of the gap, inclusive.
SELECT
    count(*) AS count,
    coalesce(sum(missing_left), 0)::bigint AS missing_trades,
    min(timestamp) AS from_time,
    max(to_time) AS to_time
FROM gap_data
WHERE pair = %(pair)s
    AND closed_at IS NULL
    AND to_time >= %(start)s
    AND timestamp < %(end)s
