#!/bin/sh
# Runs all tests, or those of the arguments, and prints the ten slowest. With CI=true a skipped test is a failure, and a
# failed one is repeated once, alone.
set -eu
cd "$(dirname "$0")/.."
if [ "${CI:-}" = true ] || [ "$(id -u)" = 0 ]; then
    scripts/install_test_tools.sh
fi
exec .venv/bin/python -m pytest --durations=10 "$@"
