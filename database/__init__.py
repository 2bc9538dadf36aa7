"""The database: numbered migrations, roles and views, for TimescaleDB and for plain PostgreSQL."""
