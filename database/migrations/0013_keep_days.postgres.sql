-- How long rows are kept. Plain PostgreSQL has no policies: `python -m database.retention` deletes what is older.
CREATE FUNCTION cryptoviz.keep_days(table_name text, days integer) RETURNS void
    LANGUAGE sql
    RETURN NULL;
COMMENT ON FUNCTION cryptoviz.keep_days IS 'On TimescaleDB: rows of the table go after so many days (NULL: never). Here: nothing';
REVOKE EXECUTE ON FUNCTION cryptoviz.keep_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cryptoviz.keep_days TO cryptoviz_owner;
