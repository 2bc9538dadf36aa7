#!/bin/sh
# Downloads the jars that the Spark jobs need besides PySpark's own into spark_jobs/jars, as listed in its pom.xml.
set -eu
cd "$(dirname "$0")/../spark_jobs/jars"
rm -f ./*.jar
mvn -q -B -Dstyle.color=never -f pom.xml dependency:copy-dependencies -DoutputDirectory=. -DincludeScope=runtime
echo "spark_jobs/jars: $(ls ./*.jar | wc -l) jars"
