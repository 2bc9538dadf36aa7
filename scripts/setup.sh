#!/bin/sh
# Installs what the stack and its tests need: the Python environment in .venv, the jars of Kafka and Spark.
# Idempotent: skips what is up to date. If the machine lacks a program, prints one line that says how to install it.
set -eu
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-python3}
STAMPS=.venv/.stamps

fail() {
    echo "setup: $*" >&2
    exit 1
}

# fresh <stamp> <source file>: whether the last installation used the same source file
fresh() {
    [ -f "$STAMPS/$1" ] && cmp -s "$STAMPS/$1" "$2"
}

done_with() {
    mkdir -p "$STAMPS"
    cp "$2" "$STAMPS/$1"
}

command -v "$PYTHON" >/dev/null || fail "no $PYTHON on PATH; install Python 3.11 or newer: apt-get install python3 python3-venv"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$PYTHON" --version) is too old; install Python 3.11 or newer and run: make setup PYTHON=python3.11"
command -v java >/dev/null || fail "no java on PATH; Kafka and Spark need a JDK 17: apt-get install openjdk-17-jdk-headless"
java_version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
[ "${java_version:-0}" -ge 17 ] || fail "java ${java_version:-?} is too old; Kafka and Spark need 17: apt-get install openjdk-17-jdk-headless"

if ! fresh requirements requirements-dev.txt; then
    if [ ! -x .venv/bin/python ] || [ ! -x .venv/bin/pip ]; then
        echo "setup: creating .venv"
        "$PYTHON" -m venv .venv || fail "cannot create .venv; install the venv module: apt-get install python3-venv"
    fi
    echo "setup: installing the Python packages (about 600 MB, a few minutes the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
    done_with requirements requirements-dev.txt
fi

# Makes the checkout importable in this environment, so that edits take effect without a new installation.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n%s\n' "$PWD" "$PWD/crypto_viz_backend" >"$site/cryptoviz.pth"

jars() {
    if ! fresh "$1" "$2" || ! ls "$3"/*.jar >/dev/null 2>&1; then
        command -v mvn >/dev/null || fail "no mvn on PATH; Maven downloads the jars: apt-get install maven"
        echo "setup: downloading the jars of $1"
        "$4"
        done_with "$1" "$2"
    fi
}
jars kafka scripts/kafka/pom.xml scripts/kafka/lib scripts/download_kafka_jars.sh
jars spark spark_jobs/jars/pom.xml spark_jobs/jars scripts/download_spark_jars.sh
echo "setup: up to date"
