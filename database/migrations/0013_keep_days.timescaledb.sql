-- How long rows are kept: chunks whose rows are all older are dropped by the server. Candles outlive their trades, so
-- their refreshes must not look back to where trades were dropped: that would take the candles too.
CREATE FUNCTION cryptoviz.keep_days(table_name text, days integer) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    wanted interval := make_interval(days => days);
    set_to interval := (SELECT (config ->> 'drop_after')::interval FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_retention' AND hypertable_schema = 'public' AND hypertable_name = table_name);
BEGIN
    IF wanted IS NOT DISTINCT FROM set_to THEN
        RETURN;
    END IF;
    IF table_name = 'trade_data' THEN
        PERFORM alter_job(job_id, config => config || jsonb_build_object('start_offset', wanted::text))
        FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_refresh_continuous_aggregate' AND (config ->> 'mat_hypertable_id')::integer IN (
            SELECT mat_hypertable_id FROM _timescaledb_catalog.continuous_agg
            WHERE user_view_schema = 'public' AND user_view_name LIKE 'candles\_%'
        );
    END IF;
    PERFORM remove_retention_policy(table_name::regclass, if_exists => true);
    IF days IS NOT NULL THEN
        PERFORM add_retention_policy(table_name::regclass, wanted);
    END IF;
END
$$;
COMMENT ON FUNCTION cryptoviz.keep_days IS 'Rows of the table go after so many days (NULL: never)';
REVOKE EXECUTE ON FUNCTION cryptoviz.keep_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cryptoviz.keep_days TO cryptoviz_owner;
