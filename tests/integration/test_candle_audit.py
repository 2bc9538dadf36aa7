"""The candle audit on a simulated exchange, with a real broker, job and database: exact counts of what differs."""

import subprocess
import sys

import pytest

from contracts.settings import ROOT
from contracts.topics import RAWTRADE
from database.migrate import migrate
from foundation.waiting import wait_until
from tests.testkit.jobs import PASSWORD, assert_clean
from tests.testkit.producers import START_SECONDS, published, running_stack

BTC = "BTC/USD"

WHOLE_MINUTE = f"""
WITH minutes AS (
    SELECT extract(epoch FROM date_trunc('minute', timestamp))::bigint AS minute, count(*) AS trades
    FROM trade_data WHERE pair = '{BTC}' GROUP BY minute
)
SELECT minute FROM minutes
WHERE trades > 1 AND minute > (SELECT min(minute) FROM minutes) AND minute + 60 IN (SELECT minute FROM minutes)
ORDER BY minute LIMIT 1
"""
"""The first minute after the first with two trades or more, and some in the next."""


@pytest.fixture
def market(house, tmp_path):
    """A market so slow that its first snapshot spans some minutes, subscribed to and stored.

    It makes no trade after that: one at the end of a minute would be the venue's before it is stored.
    """
    migrate(house.database_url, {"writer": PASSWORD, "api": PASSWORD})
    folder = tmp_path / "exchange"
    folder.mkdir()
    with running_stack(folder, house.settings.kafka_bootstrap_servers, 0.2, "--events", "0") as stack:
        house.start("kafka_to_timescale")
        with stack.start("data_producers.kraken_producer"):
            wait_until(published(stack, RAWTRADE, 149), START_SECONDS, "the snapshots")
            assert_clean(house.audit())
            ((stack.whole,),) = house.query(WHOLE_MINUTE)
            yield stack


@pytest.fixture
def audit(house, market):
    """Runs one round of the command, in which minutes count as settled at once; returns exit code and output."""

    def run():
        code = (
            "from monitoring import candle_audit as audit; audit.SETTLED_SECONDS = 1.0; raise SystemExit(audit.main())"
        )
        environment = {
            **house.environment,
            "CRYPTOVIZ_KRAKEN_REST_URL": market.url,
            "CRYPTOVIZ_DB_API_PASSWORD": PASSWORD,
            "CRYPTOVIZ_PAIRS": BTC,
        }
        done = subprocess.run(
            [sys.executable, "-c", code, "--once"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_doctored_trade_makes_exactly_its_minute_differ_and_a_gap_takes_its_minutes_out(house, market, audit):
    code, said, errors = audit()
    assert code == 0, said + errors
    compared = int(said.split()[1])
    assert compared >= 2
    assert said == f"{BTC:10} {compared} minutes compared, 0 differ, 0 in gaps\n"

    (trade_id,) = doctor(house, market.whole)
    code, said, errors = audit()
    assert code == 1
    assert " 1 differ, 0 in gaps" in said
    assert errors.count("a candle differs from the venue's") == 1
    assert f'"minute": {market.whole}' in errors
    assert '"fields": "high' in errors
    assert '"ours": ' in errors
    assert '"theirs": ' in errors

    gap(house, market.whole + 20, market.whole + 70, trade_id)
    code, said, errors = audit()
    assert code == 0, errors
    assert " 0 differ, 2 in gaps" in said

    market.fault("rest", error="EAPI:Rate limit exceeded")
    code, said, errors = audit()
    assert (code, said) == (1, "")
    assert "EAPI:Rate limit exceeded" in errors
    market.clear_faults()


def doctor(house, minute):
    """Raises the price of one trade within a minute; returns its id."""
    return house.query(
        "UPDATE trade_data SET price = price * 2 "
        f"WHERE pair = '{BTC}' AND trade_id = (SELECT trade_id FROM trade_data WHERE pair = '{BTC}' "
        f"AND timestamp >= to_timestamp({minute}) ORDER BY timestamp, trade_id OFFSET 1 LIMIT 1) RETURNING trade_id",
    )[0]


def gap(house, start, end, trade_id):
    """Stores an open gap whose refill is still in progress."""
    house.query(
        "INSERT INTO gap_data (timestamp, pair, from_id, to_id, to_time, cause, missing_left, detected_at, "
        f"reported_at, source) VALUES (to_timestamp({start}), '{BTC}', {trade_id}, {trade_id}, to_timestamp({end}), "
        "'jump', 1, now(), now(), 'kraken') RETURNING 1",
    )
