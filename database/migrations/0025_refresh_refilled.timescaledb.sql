-- A refilled gap is in the candles within minutes, not at the next refresh of each length (6 hours, for days): a job of the
-- server refreshes the days of gaps that were closed lately. It remembers nothing: what is up to date costs next to nothing.
CREATE PROCEDURE cryptoviz.refresh_refilled(job_id integer, config jsonb)
    LANGUAGE plpgsql
AS $$
DECLARE
    refilled record;
BEGIN
    FOR refilled IN
        SELECT min(timestamp) AS "from", max(to_time) AS "to"
        FROM gap_data
        WHERE closed_at > now() - (config ->> 'closed_within')::interval
        GROUP BY time_bucket(INTERVAL '1 day', timestamp)
        ORDER BY 1
    LOOP
        CALL public.refresh_candles(refilled."from", refilled."to");
    END LOOP;
END
$$;
COMMENT ON PROCEDURE cryptoviz.refresh_refilled IS 'Takes the trades of gaps that were closed lately into the candles';
REVOKE EXECUTE ON PROCEDURE cryptoviz.refresh_refilled FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE cryptoviz.refresh_refilled TO cryptoviz_owner;

SELECT add_job('cryptoviz.refresh_refilled', INTERVAL '2 minutes', config => '{"closed_within": "1 hour"}');
