"""Records that retention deleted before they were stored: reported and skipped once, and the rest is stored once."""

import pytest
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient

from contracts.metrics import JOB_TAKEN
from contracts.tables import LEDGER
from contracts.topics import RAW_JOB, RAW_TOPICS, RAWALERT
from foundation.kafka import TopicPartition, client_config
from foundation.ports import HOST
from monitoring.scrape import fetch_samples
from spark_jobs.edges.kafka_source import cluster_watermarks, read_range
from spark_jobs.edges.records import RangeDeleted
from tests.testkit.jobs import Source, assert_clean
from tests.testkit.kafka import send

SKIPPED = (
    f"SELECT topic, partition, from_offset, next_offset, rows, rejected FROM {LEDGER} WHERE batch_id = -1 ORDER BY 1, 2"
)

ALERTS = TopicPartition(RAWALERT.name, 0)


def delete_before(bootstrap, cuts):
    """Deletes the records before the offsets of `cuts`, as retention does."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    for future in admin.delete_records([Position(*place, offset) for place, offset in cuts.items()]).values():
        future.result(30)


def reports(job):
    return [line for line in job.log.read_text().splitlines() if "retention deleted" in line]


@pytest.mark.parametrize("waiting", [600, 45_000], ids=["stored by the driver", "stored by the workers"])
def test_raw_job_reports_what_retention_deleted_and_stores_the_rest_once(house, waiting):
    bootstrap = house.settings.kafka_bootstrap_servers
    source = Source(bootstrap)
    source.send(500)
    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    house.kill(job)
    rows = house.query(f"SELECT topic, partition, max(next_offset) FROM {LEDGER} GROUP BY 1, 2")
    stored = {(topic, partition): offset for topic, partition, offset in rows}
    source.send(waiting)
    marks = cluster_watermarks(client_config(bootstrap), [topic.name for topic in RAW_TOPICS]).watermarks
    cuts = {place: (start + marks[place][1]) // 2 for place, start in sorted(stored.items())}
    assert len(cuts) == 4, "ticks, trades in two partitions, articles"
    delete_before(bootstrap, cuts)

    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    assert house.query(SKIPPED) == [(*place, stored[place], cut, 0, 0) for place, cut in cuts.items()]
    assert len(reports(job)) == len(cuts)
    for (topic, partition), cut in cuts.items():
        count = cut - stored[topic, partition]
        assert f"{topic}/{partition}: retention deleted {count} records" in "".join(reports(job))
    counted = fetch_samples(HOST, house.settings.raw_metrics_port).by(JOB_TAKEN, "topic")
    assert sum(counted.values()) == sum(cut - stored[place] for place, cut in cuts.items())
    source.send(300)
    assert_clean(house.audit())
    house.kill(job)
    source.send(300)
    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    assert (reports(job), len(house.query(SKIPPED))) == ([], len(cuts))
    assert house.ledger_jumps() == 0


def test_read_range_does_not_skip_deleted_records(fresh_topics):
    send(fresh_topics, RAWALERT.name, [str(number).encode() for number in range(10)])
    delete_before(fresh_topics, {(RAWALERT.name, 0): 5})
    with pytest.raises(RangeDeleted):
        list(read_range(client_config(fresh_topics), ALERTS, 0, 10))
    found = [value for chunk in read_range(client_config(fresh_topics), ALERTS, 5, 10) for value in chunk.values]
    assert found == [b"5", b"6", b"7", b"8", b"9"]
