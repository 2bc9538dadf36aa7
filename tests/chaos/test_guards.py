"""Each guard is necessary: without it, the guarantees tested in tests/integration do not hold."""

import time

from contracts.tables import LEDGER
from contracts.topics import RAW_JOB, RAWTICKER, RAWTRADE, WINDOW_JOB
from foundation.waiting import wait_until
from tests.chaos.without import drop_keys
from tests.testkit.jobs import JOB_SECONDS, Source, assert_clean
from tests.testkit.kafka import end_offsets
from tests.testkit.recompute import differences, recomputed_forecasts, stored_forecasts

TICKS = "SELECT count(*) FROM ticker_data"
SAMPLES = "SELECT coalesce(sum(sample_count), 0) FROM prediction_data"
READ_TO = f"SELECT max(next_offset) FROM {LEDGER} WHERE topic = 'rawticker'"


def verdict_of(house, topic):
    return next(verdict for verdict in house.audit() if verdict.topic == topic.name)


def test_restart_without_the_ledger_stores_ticks_twice(house):
    source = Source(house.settings.kafka_bootstrap_servers)
    source.send(400)
    job = house.start(RAW_JOB, without="ledger")
    assert_clean(house.audit())
    ((ticks,),) = house.query(TICKS)
    assert ticks > 100
    house.kill(job)
    source.send(400)
    house.start(RAW_JOB, without="ledger")
    verdict = verdict_of(house, RAWTICKER)
    assert verdict.lost == 0
    assert verdict.duplicated >= ticks
    assert verdict_of(house, RAWTRADE).duplicated == 0, "the key of trades rejects duplicates"


def test_trades_sent_again_are_stored_twice_without_their_key(house):
    drop_keys(house.database_url)
    source = Source(house.settings.kafka_bootstrap_servers)
    source.send(1_000)
    house.start(RAW_JOB, without="key")
    verdict = verdict_of(house, RAWTRADE)
    assert (verdict.lost, verdict.duplicated) == (0, 20), "one record in fifty is a trade sent again"


def test_restart_without_the_rewind_leaves_partial_windows(house):
    bootstrap = house.settings.kafka_bootstrap_servers
    source, at = Source(bootstrap), time.time()
    source.send(500, at)
    total = sum(count for count, *_ in recomputed_forecasts(bootstrap).values())
    job = house.start(WINDOW_JOB, without="watermark")
    wait_until(lambda: house.query(SAMPLES) == [(total,)], JOB_SECONDS, f"windows of {total} ticks")
    house.kill(job)
    source.send(500, at)
    end = end_offsets(bootstrap, [RAWTICKER])[RAWTICKER.name, 0]
    house.start(WINDOW_JOB, without="watermark")
    wait_until(lambda: house.query(READ_TO) == [(end,)], JOB_SECONDS, f"offset {end} of rawticker")
    assert differences(recomputed_forecasts(bootstrap), stored_forecasts(house.query)) != []
