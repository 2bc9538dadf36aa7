"""time_bucket gives the same answers on both servers: TimescaleDB's own, and the replacement on plain PostgreSQL."""

import pytest

CASES = [
    ("1 second", "2026-01-05 10:00:00.999999+00", "2026-01-05 10:00:00+00"),
    ("30 seconds", "2026-01-05 10:00:29.5+00", "2026-01-05 10:00:00+00"),
    ("1 minute", "2026-01-05 10:00:00+00", "2026-01-05 10:00:00+00"),
    ("15 minutes", "2026-01-05 10:14:59+00", "2026-01-05 10:00:00+00"),
    ("7 minutes", "2026-01-05 10:00:00+00", "2026-01-05 09:55:00+00"),
    ("1 hour", "2026-01-05 10:59:59+02", "2026-01-05 08:00:00+00"),
    ("4 hours", "2026-01-05 23:59:59+00", "2026-01-05 20:00:00+00"),
    ("1 day", "2026-03-29 00:30:00+00", "2026-03-29 00:00:00+00"),
    ("7 days", "2026-01-04 23:59:59+00", "2025-12-29 00:00:00+00"),
    ("7 days", "2026-01-05 00:00:00+00", "2026-01-05 00:00:00+00"),
    ("1 hour", "1999-12-31 23:30:00+00", "1999-12-31 23:00:00+00"),
]


@pytest.mark.parametrize(("width", "moment", "expected"), CASES)
def test_a_moment_falls_into_the_bucket_that_holds_it(engine, width, moment, expected):
    (row,) = engine.execute(
        f"SELECT time_bucket('{width}'::interval, '{moment}'::timestamptz) = '{expected}'::timestamptz AS same"
    )
    assert row["same"] is True


def test_nothing_falls_nowhere(engine):
    (row,) = engine.execute("SELECT time_bucket('1 hour'::interval, NULL::timestamptz)::text AS bucket")
    assert row["bucket"] is None
