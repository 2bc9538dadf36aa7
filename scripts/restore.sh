#!/bin/sh
# Restores a backup into the database of the settings: scripts/restore.sh FILE [--replace]
# The database must be empty; with --replace it is dropped and made anew. Then the roles are made where they are missing,
# the backup is read (on plain PostgreSQL whole or not at all), and the migrator adds what is newer. The jobs go on from
# the restored ledger: what Kafka has kept since is stored again. Stop the stack's jobs meanwhile.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-$here/.venv/bin/python}

fail() {
    echo "restore: $*" >&2
    exit 1
}

[ $# -ge 1 ] || fail "usage: scripts/restore.sh FILE [--replace]"
file=$1
[ -r "$file" ] || fail "no file $file"
lines=$("$PYTHON" -m scripts.libpq_environment)
eval "$lines"
ask() {
    psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"
}

contents=$(pg_restore --list "$file") || fail "$file is no backup"
if [ "${2:-}" = --replace ]; then
    printf 'DROP DATABASE IF EXISTS :"name" WITH (FORCE);\nCREATE DATABASE :"name";\n' |
        ask --dbname postgres --set name="$PGDATABASE"
fi
[ "$(ask --command "SELECT to_regnamespace('cryptoviz') IS NULL AND to_regclass('public.trade_data') IS NULL")" = t ] ||
    fail "the database $PGDATABASE is not empty; with --replace it is dropped and made anew"

# These migrations make the roles and what belongs to them or to the database, not to a schema: none of it is in a backup.
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
