"""All input and output of the jobs: the session, Kafka, the database, progress."""
