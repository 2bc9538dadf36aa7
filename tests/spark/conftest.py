"""One local Spark session for the tests of the transforms."""

import pytest

from contracts.settings import SparkSection, load_settings


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    from spark_jobs.edges.session import build_session

    session = build_session("tests", load_settings(SparkSection, data_dir=tmp_path_factory.mktemp("spark")))
    yield session
    session.stop()
