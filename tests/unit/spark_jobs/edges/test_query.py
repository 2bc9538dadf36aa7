"""How a job ends that cannot go on."""

import pytest

from contracts.settings import RawJobSettings, load_settings
from spark_jobs.edges import query
from spark_jobs.edges.timescale_sink import Unstorable


class Stop:
    """An event that nobody sets, and that notes how long it was waited for."""

    def __init__(self):
        self.waited = []

    def wait(self, seconds):
        self.waited.append(seconds)
        return False


def test_a_job_that_cannot_go_on_says_so_and_waits_before_it_ends_unless_it_is_told_to_stop(caplog):
    stop = Stop()
    with pytest.raises(SystemExit) as end:
        query._refuse(Unstorable("index row size"), load_settings(RawJobSettings, job_refusal_seconds=7), stop)
    assert end.value.code == query.EXIT_REFUSED == 3
    assert stop.waited == [7]
    assert [record.message for record in caplog.records] == ["the job cannot go on: index row size"]
