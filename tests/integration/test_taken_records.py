"""Records that retention took before they were stored: told and passed over once, and the rest is stored once."""

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from contracts.metrics import JOB_TAKEN
from contracts.tables import LEDGER
from contracts.topics import RAW_JOB, RAW_TOPICS, RAWALERT
from foundation.ports import HOST
from monitoring.scrape import fetch_samples
from spark_jobs.edges.kafka_source import look_up, read_range
from spark_jobs.edges.records import RecordsGone
from tests.testkit.jobs import Source, assert_clean
from tests.testkit.kafka import send

HOLES = (
    f"SELECT topic, partition, from_offset, next_offset, rows, rejected FROM {LEDGER} WHERE batch_id = -1 ORDER BY 1, 2"
)


def take(bootstrap, cuts):
    """Removes what lies before the offsets of `cuts`, as retention does."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    for future in admin.delete_records([TopicPartition(*place, offset) for place, offset in cuts.items()]).values():
        future.result(30)


def told(job):
    return [line for line in job.log.read_text().splitlines() if "retention took" in line]


@pytest.mark.parametrize("waiting", [600, 45_000], ids=["stored by the driver", "stored by the workers"])
def test_raw_job_tells_what_retention_took_and_stores_the_rest_once(house, waiting):
    bootstrap = house.settings.kafka_bootstrap_servers
    source = Source(bootstrap)
    source.send(500)
    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    house.kill(job)
    rows = house.query(f"SELECT topic, partition, max(next_offset) FROM {LEDGER} GROUP BY 1, 2")
    stored = {(topic, partition): offset for topic, partition, offset in rows}
    source.send(waiting)
    marks = look_up(bootstrap, [topic.name for topic in RAW_TOPICS]).watermarks
    cuts = {place: (start + marks[place][1]) // 2 for place, start in sorted(stored.items())}
    assert len(cuts) == 4, "ticks, trades in two partitions, articles"
    take(bootstrap, cuts)

    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    assert house.query(HOLES) == [(*place, stored[place], cut, 0, 0) for place, cut in cuts.items()]
    assert len(told(job)) == len(cuts)
    for (topic, partition), cut in cuts.items():
        count = cut - stored[topic, partition]
        assert f"{topic}/{partition}: retention took {count} records" in "".join(told(job))
    counted = fetch_samples(HOST, house.settings.raw_metrics_port).by(JOB_TAKEN, "topic")
    assert sum(counted.values()) == sum(cut - stored[place] for place, cut in cuts.items())
    source.send(300)
    assert_clean(house.audit())
    house.kill(job)
    source.send(300)
    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    assert (told(job), len(house.query(HOLES))) == ([], len(cuts))
    assert house.ledger_jumps() == 0


def test_read_range_does_not_step_over_what_is_gone(fresh_topics):
    send(fresh_topics, RAWALERT.name, [str(number).encode() for number in range(10)])
    take(fresh_topics, {(RAWALERT.name, 0): 5})
    with pytest.raises(RecordsGone):
        list(read_range(fresh_topics, RAWALERT.name, 0, 0, 10))
    found = [value for records in read_range(fresh_topics, RAWALERT.name, 0, 5, 10) for value in records.values]
    assert found == [b"5", b"6", b"7", b"8", b"9"]
