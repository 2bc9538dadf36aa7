-- Plain PostgreSQL keeps rows as rows.
SELECT;
