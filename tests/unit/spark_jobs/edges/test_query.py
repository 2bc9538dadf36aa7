"""How a job exits after a permanent error."""

import pytest

from contracts.settings import RawJobSettings, load_settings
from foundation.postgres import Unstorable
from spark_jobs.edges import query


class Stop:
    """An event that is never set and records how long it was waited for."""

    def __init__(self):
        self.waited = []

    def wait(self, seconds):
        self.waited.append(seconds)
        return False


def test_a_permanent_error_is_logged_and_the_job_pauses_before_it_exits(caplog):
    stop = Stop()
    with pytest.raises(SystemExit) as end:
        query._fail(Unstorable("index row size"), load_settings(RawJobSettings, job_refusal_seconds=7), stop)
    assert end.value.code == query.EXIT_PERMANENT_ERROR == 3
    assert stop.waited == [7]
    assert [record.message for record in caplog.records] == ["the job cannot continue: index row size"]
