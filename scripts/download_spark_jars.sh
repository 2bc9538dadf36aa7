#!/bin/sh
# Copies the jars that the Spark jobs add to PySpark's own into spark_jobs/jars, as its pom.xml names them.
set -eu
cd "$(dirname "$0")/../spark_jobs/jars"
rm -f ./*.jar
mvn -q -B -Dstyle.color=never -f pom.xml dependency:copy-dependencies -DoutputDirectory=. -DincludeScope=runtime
echo "spark_jobs/jars: $(ls ./*.jar | wc -l) jars"
