import signal
import threading
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from data_producers.runtime import STABLE_SECONDS, ConnectionLost, RisingClock, run_connected, run_together
from foundation.process import Runtime, runtime_until_signal
from foundation.retry import Stopped, backoff_seconds


def paused_runtime(limit):
    stop, pauses = threading.Event(), []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) >= limit:
            stop.set()
        return stop.is_set()

    return Runtime(stop=stop, jitter=lambda: 0.0, pause=pause), pauses


def test_attempts_back_off_and_start_over_once_a_connection_has_lived_for_a_while():
    runtime, pauses = paused_runtime(8)
    clock = [0.0]
    runtime = replace(runtime, monotonic=lambda: clock[0])
    lives = iter([None, 0.0, STABLE_SECONDS - 0.001, STABLE_SECONDS, 0.0, None, 3 * STABLE_SECONDS, None])
    shown = []

    def run_once(connected):
        life = next(lives)
        clock[0] += 2 * STABLE_SECONDS
        if life is not None:
            connected()
            clock[0] += life / 2
            connected()
            clock[0] += life / 2
        shown.append(REGISTRY.get_sample_value("cryptoviz_producer_connected", {"source": "test"}))
        raise ConnectionLost("closed", "the venue hung up")

    run_connected("test", run_once, runtime)
    assert pauses == [backoff_seconds(attempt, 0.0) for attempt in (1, 2, 3, 1, 2, 3, 1, 2)]
    assert shown[1:] == [1, 1, 1, 1, 0, 1, 0], "connected with the first data"


def test_a_pause_without_end_is_the_longest_there_is():
    runtime, pauses = paused_runtime(2)
    assert (runtime.wait(7.0), runtime.wait(float("inf"))) == (False, True)
    assert pauses == [7.0, threading.TIMEOUT_MAX]


def test_other_errors_are_not_taken_for_a_lost_connection():
    runtime, _ = paused_runtime(3)

    def run_once(connected):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_connected("test", run_once, runtime)


def test_a_full_sink_at_the_stop_ends_the_loop():
    runtime, pauses = paused_runtime(3)

    def run_once(connected):
        runtime.stop.set()
        raise Stopped("no room left")

    run_connected("test", run_once, runtime)
    assert pauses == []


def test_the_clock_rises_by_a_microsecond_at_least_even_when_the_systems_goes_back():
    readings = iter([100.0, 100.0, 99.0, 100.0000005, 101.5])
    clock = RisingClock(lambda: next(readings))
    assert [clock() for _ in range(5)] == [100.0, 100.000001, 100.000002, 100.000003, 101.5]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops(number):
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        runtime = runtime_until_signal()
        assert not runtime.stop.is_set()
        signal.raise_signal(number)
        assert runtime.stop.is_set()
        assert runtime.wait(100) is True
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_jobs_run_side_by_side_until_the_stop():
    runtime = Runtime()
    together = threading.Barrier(3)
    ran = []

    def job():
        together.wait(5)
        ran.append(1)
        runtime.stop.set()

    run_together([job, job, job], runtime)
    assert len(ran) == 3


def test_the_first_job_to_fail_stops_all_and_its_error_is_raised():
    runtime = Runtime()

    def failing():
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_together([failing, lambda: runtime.stop.wait(10)], runtime)
    assert runtime.stop.is_set()


def test_a_job_that_hangs_does_not_hold_up_the_stop(monkeypatch):
    monkeypatch.setattr("data_producers.runtime.JOIN_SECONDS", 0.01)
    runtime, release = Runtime(), threading.Event()
    runtime.stop.set()
    run_together([lambda: release.wait(10)], runtime)
    release.set()
