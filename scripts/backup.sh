#!/bin/sh
# Backs up the database of the settings while everything runs: scripts/backup.sh [FILE]
# FILE (else a new one in backups/ of the data folder) is pg_dump's custom format, in one snapshot: tables, ledger, views,
# rights. scripts/restore.sh brings it back; the roles are made there, and their passwords come from the settings.
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
