-- TimescaleDB's time_bucket where there is no TimescaleDB: the same answers for buckets of a fixed length.
-- Its buckets are aligned to Monday 2000-01-03, so that weeks begin on Mondays. Months and years are refused.
CREATE FUNCTION public.time_bucket(bucket_width interval, ts timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN date_bin(bucket_width, ts, timestamptz '2000-01-03 00:00:00+00');

COMMENT ON FUNCTION public.time_bucket(interval, timestamptz) IS
    'The start of the bucket that holds ts, aligned to Monday 2000-01-03 00:00 UTC; stands in for TimescaleDB''s';
