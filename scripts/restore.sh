#!/bin/sh
# Restores a backup into the database of the settings: scripts/restore.sh FILE [--replace]
# The database must be empty; with --replace it is dropped and recreated. Creates missing roles, restores the backup (on
# plain PostgreSQL in one transaction), and applies newer migrations. Stop the jobs first. They continue from the restored
# batch ledger: what Kafka has received since the backup is stored again.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-$here/.venv/bin/python}

fail() {
    echo "restore: $*" >&2
    exit 1
}

[ $# -ge 1 ] || fail "usage: scripts/restore.sh FILE [--replace]"
file=$1
[ -r "$file" ] || fail "cannot read $file"
lines=$("$PYTHON" -m scripts.libpq_environment)
eval "$lines"
ask() {
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"
}

contents=$(pg_restore --list "$file") || fail "$file is not a backup"
if [ "${2:-}" = --replace ]; then
    printf 'DROP DATABASE IF EXISTS :"name" WITH (FORCE);\nCREATE DATABASE :"name";\n' |
        ask --dbname postgres --set name="$PGDATABASE"
fi
[ "$(ask --command "SELECT to_regnamespace('cryptoviz') IS NULL AND to_regclass('public.trade_data') IS NULL")" = t ] ||
    fail "the database $PGDATABASE is not empty; with --replace it is dropped and recreated"

# These migrations create the roles and the settings of roles and database, which a backup does not contain.
ask --single-transaction >/dev/null <<SQL
SET client_min_messages TO warning;
CREATE SCHEMA cryptoviz;
CREATE TABLE cryptoviz.schema_migration ();
\i '$here/database/migrations/0001_roles.sql'
\i '$here/database/migrations/0022_role_limits.sql'
DROP SCHEMA cryptoviz CASCADE;
SQL

case $contents in
*"EXTENSION - timescaledb"*)
    ask --command "CREATE EXTENSION IF NOT EXISTS timescaledb" --command "SELECT timescaledb_pre_restore()" >/dev/null
    pg_restore --exit-on-error --no-owner --dbname "$PGDATABASE" "$file"
    ask --command "SELECT timescaledb_post_restore()" >/dev/null
    ;;
*) pg_restore --single-transaction --no-owner --dbname "$PGDATABASE" "$file" ;;
esac
"$PYTHON" -m database.migrate
