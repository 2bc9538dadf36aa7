#!/bin/sh
# Installs programs that some tests need: promtool (of Debian's prometheus) and docker-compose.
# Needs root and apt; otherwise prints what to install.
set -eu
missing=""
command -v promtool >/dev/null || missing="$missing prometheus"
command -v docker-compose >/dev/null || missing="$missing docker-compose"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "test tools: missing$missing; some tests are skipped. To run them: sudo apt-get install$missing" >&2
    exit 0
fi
echo "test tools: installing$missing"
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
