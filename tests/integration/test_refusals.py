"""A job that cannot be started as things stand says why and ends with the code for it, instead of trying for ever."""

import pytest

from contracts.tables import LEDGER
from contracts.topics import RAW_JOB
from foundation.waiting import NotReady
from tests.testkit.databases import execute
from tests.testkit.jobs import JOB_SECONDS, Source, assert_clean


def refused(house):
    """What a job says that never came to read."""
    with pytest.raises(NotReady, match="ended before it was ready"):
        house.start(RAW_JOB)
    job = house.processes[-1]
    assert job.wait(JOB_SECONDS) == 3
    return job.log.read_text()


def test_a_ledger_beyond_the_end_of_a_recreated_topic_needs_the_operator(house, empty_topics):
    source = Source(house.settings.kafka_bootstrap_servers)
    source.send(500)
    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    house.kill(job)
    empty_topics()
    for _ in range(2):
        logged = refused(house)
        assert "the job cannot continue: rawticker/0: the ledger is at offset" in logged
        assert "delete its ledger rows: DELETE FROM" in logged


def test_a_database_without_its_tables_is_not_waited_for(house):
    execute(house.database_url, f"ALTER TABLE {LEDGER} RENAME TO elsewhere")
    assert f'the job cannot continue: relation \\"{LEDGER}\\" does not exist' in refused(house)
