-- Plain PostgreSQL has no hypertables: the tables stay as they are.
SELECT;
