#!/bin/sh
# All tests, or those the arguments name. Under CI=true a skipped test is a failure.
set -eu
cd "$(dirname "$0")/.."
if [ "${CI:-}" = true ] || [ "$(id -u)" = 0 ]; then
    scripts/install_test_tools.sh
fi
exec .venv/bin/python -m pytest "$@"
