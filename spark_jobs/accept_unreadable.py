"""`make accept`: a person's word that job 1 may store what waits in Kafka now, however much of it no one can read.

When too much cannot be read job 1 ends with exit code 3, and so does every start after it. Once the cause is mended,
this does its work for all that Kafka holds by now, without that limit: rows into their tables, the rest into
`deadletter`, each once, whether the job is up or not. What the job judges begins anew after it.

Exit code 0 when all is stored; 2 when it was interrupted (a neighbour is away, say): the command may be repeated; 3
when it cannot be stored however often it is tried.
"""

import sys
from uuid import uuid4

from contracts.settings import AcceptUnreadableSettings, load_settings
from contracts.topics import RAW_JOB, RAW_TOPICS
from foundation.logs import configure_logging
from spark_jobs.edges.batch_ledger import ACCEPTED, Batch
from spark_jobs.edges.batch_writer import AWAY, BatchWriter
from spark_jobs.edges.deadletters import DeadLetters
from spark_jobs.edges.kafka_source import OffsetsBeyondEnd, look_up
from spark_jobs.edges.query import EXIT_REFUSED
from spark_jobs.edges.raw_query import from_kafka, resume
from spark_jobs.edges.records import StartAnew
from spark_jobs.edges.timescale_sink import Database, Unstorable
from spark_jobs.transforms.circuit_breaker import NO_LIMIT


def accept(config: AcceptUnreadableSettings) -> None:
    """Stores what waits, each partition in a transaction of its own, and prints what it came to.

    Raises `AWAY` and `StartAnew`, after which it may be called again, `Unstorable` and `OffsetsBeyondEnd`.
    """
    kafka = config.kafka_bootstrap_servers
    database = Database(config.writer_database_url, "accept_unreadable")
    cluster = look_up(kafka, [topic.name for topic in RAW_TOPICS])
    with database.transaction() as cursor:
        starts = resume(cursor, RAW_JOB, cluster)
    writer = BatchWriter(database, DeadLetters(kafka), limit=NO_LIMIT)
    batch = Batch(RAW_JOB, cluster.id, uuid4().hex, ACCEPTED)
    for place, start in starts.items():
        end = cluster.watermarks[place][1]
        for part in writer.write(batch, {place: (start, end)}, from_kafka(kafka)):
            print(f"{part.topic}/{part.partition}: {part.rows} rows, {part.rejected} dead letters", flush=True)
    print(f"all that waited is stored: {RAW_JOB} goes on from here")


def main() -> int:
    """Runs the command and returns its exit code."""
    config = load_settings(AcceptUnreadableSettings)
    configure_logging("accept_unreadable", config.log_level)
    try:
        accept(config)
    except (*AWAY, StartAnew) as error:
        print(f"accept: {str(error).strip()}; try again", file=sys.stderr)
        return 2
    except (Unstorable, OffsetsBeyondEnd) as error:
        print(f"accept: {error}", file=sys.stderr)
        return EXIT_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
