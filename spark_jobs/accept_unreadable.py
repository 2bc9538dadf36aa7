"""`make accept`: stores what is pending in Kafka for job 1, whatever share of it is unreadable.

When the circuit breaker opens, job 1 exits with code 3, and so does every restart. Once the cause is fixed, this
command stores everything up to Kafka's current end without the limit: rows into their tables, unreadable messages into
`deadletter`, each once, whether the job is running or not. The job's circuit breaker starts over after it.

Exit code 0 when all is stored; 2 when Kafka or the database is unavailable: run the command again; 3 after a permanent
error.
"""

import sys
from uuid import uuid4

from contracts.settings import AcceptUnreadableSettings, load_settings
from contracts.topics import RAW_JOB, RAW_TOPICS
from foundation.kafka import OffsetRange, client_config
from foundation.logs import configure_logging
from foundation.postgres import Database, Unstorable
from spark_jobs.edges.batch_ledger import ACCEPTED_BATCH, BatchKey
from spark_jobs.edges.batch_writer import TRANSIENT_ERRORS, BatchWriter
from spark_jobs.edges.deadletters import DeadLetters
from spark_jobs.edges.kafka_source import OffsetsBeyondEnd, cluster_watermarks
from spark_jobs.edges.query import EXIT_PERMANENT_ERROR
from spark_jobs.edges.raw_query import from_kafka, resume
from spark_jobs.edges.records import RestartFromLedger
from spark_jobs.transforms.circuit_breaker import NO_LIMIT


def accept(config: AcceptUnreadableSettings) -> None:
    """Stores what is pending, each partition in its own transaction, and prints the result of each.

    Raises `TRANSIENT_ERRORS` and `RestartFromLedger`, after which it may be called again, `Unstorable` and
    `OffsetsBeyondEnd`.
    """
    kafka = client_config(config.kafka_bootstrap_servers, config.kafka_client_options)
    database = Database(config.writer_database_url, "accept_unreadable")
    cluster = cluster_watermarks(kafka, [topic.name for topic in RAW_TOPICS])
    with database.transaction() as cursor:
        starts = resume(cursor, RAW_JOB, cluster)
    writer = BatchWriter(database, DeadLetters(kafka), limit=NO_LIMIT)
    batch = BatchKey(query=RAW_JOB, cluster_id=cluster.id, checkpoint_id=uuid4().hex, batch_id=ACCEPTED_BATCH)
    for source, start in starts.items():
        pending = OffsetRange(start, cluster.watermarks[source].end)
        for part in writer.write(batch, {source: pending}, from_kafka(kafka)):
            print(f"{part.topic}/{part.partition}: {part.rows} rows, {part.rejected} dead letters", flush=True)
    print(f"all pending messages are stored: {RAW_JOB} continues from here")


def main() -> int:
    """Runs the command and returns its exit code."""
    config = load_settings(AcceptUnreadableSettings)
    configure_logging("accept_unreadable", config.log_level)
    try:
        accept(config)
    except (*TRANSIENT_ERRORS, RestartFromLedger) as error:
        print(f"accept: {str(error).strip()}; try again", file=sys.stderr)
        return 2
    except (Unstorable, OffsetsBeyondEnd) as error:
        print(f"accept: {error}", file=sys.stderr)
        return EXIT_PERMANENT_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
