# One image for all services of the stack; docker-compose.yml sets the command of each.
FROM maven:3.9-eclipse-temurin-17 AS jars
WORKDIR /jars
COPY spark_jobs/jars/pom.xml .
RUN mvn -q -B -f pom.xml dependency:copy-dependencies -DoutputDirectory=lib -DincludeScope=runtime

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 cryptoviz \
    && install -d -o cryptoviz /data
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY --from=jars /jars/lib spark_jobs/jars
COPY contracts contracts
COPY foundation foundation
COPY sentiment sentiment
COPY forecasting forecasting
COPY data_producers data_producers
COPY spark_jobs spark_jobs
COPY simulator simulator
COPY database database
COPY scripts scripts
COPY monitoring monitoring
COPY notifier notifier
COPY crypto_viz_backend crypto_viz_backend
ENV PYTHONPATH=/app:/app/crypto_viz_backend PYTHONUNBUFFERED=1 CRYPTOVIZ_DATA_DIR=/data
VOLUME /data
USER cryptoviz
