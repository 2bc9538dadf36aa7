#!/bin/sh
# Backs up the database of the settings while everything runs: scripts/backup.sh [FILE]
# Writes one snapshot (tables, batch ledger, views, privileges) in pg_dump's custom format to FILE, by default a new one in
# backups/ of the data folder. scripts/restore.sh restores it, and creates the roles with the passwords of the settings.
set -eu
umask 077
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-$here/.venv/bin/python}
lines=$("$PYTHON" -m scripts.libpq_environment)
eval "$lines"

file=${1:-$BACKUPS/cryptoviz-$(date -u +%Y%m%dT%H%M%SZ).dump}
mkdir -p "$(dirname "$file")"
trap 'rm -f "$file.part"' EXIT
pg_dump --format=custom --file="$file.part"
mv "$file.part" "$file"
echo "$file: $(wc -c <"$file") bytes"
