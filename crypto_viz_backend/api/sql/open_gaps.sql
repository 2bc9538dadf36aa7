-- The gaps of one pair that are open and reach into a stretch of time, summed up: one row, of zeros where there is none.
-- A missing trade lies between the times of the trades beside its gap, either included.
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
