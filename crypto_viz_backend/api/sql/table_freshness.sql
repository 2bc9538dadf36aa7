-- Event time of the newest row of each table.
SELECT table_name, newest_at FROM v_freshness
