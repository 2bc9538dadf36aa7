#!/bin/sh
# All tests, or those the arguments name, and the ten slowest of them. Under CI=true a skipped test is a failure, and a
# failed one is repeated once, alone.
set -eu
cd "$(dirname "$0")/.."
if [ "${CI:-}" = true ] || [ "$(id -u)" = 0 ]; then
    scripts/install_test_tools.sh
fi
exec .venv/bin/python -m pytest --durations=10 "$@"
