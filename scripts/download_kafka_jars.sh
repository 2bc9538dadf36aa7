#!/bin/sh
# Downloads the jars of the embedded Kafka broker into scripts/kafka/lib, as listed in scripts/kafka/pom.xml.
set -eu
cd "$(dirname "$0")/kafka"
rm -rf lib
mvn -q -B -Dstyle.color=never -f pom.xml dependency:copy-dependencies -DoutputDirectory=lib -DincludeScope=runtime
echo "scripts/kafka/lib: $(ls lib/*.jar | wc -l) jars"
