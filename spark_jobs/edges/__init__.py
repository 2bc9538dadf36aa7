"""Input and output of the jobs: the Spark session, Kafka, the database, metrics."""
