"""Damage to Spark's checkpoint folder while a job is down does not change what is stored."""

import random
import shutil
import time
from itertools import count

import psutil
import pytest

from contracts.topics import RAW_JOB, WINDOW_JOB
from foundation.waiting import wait_until
from tests.testkit.jobs import JOB_SECONDS, Source, assert_clean
from tests.testkit.recompute import (
    WINDOW_COUNTS,
    differences,
    recomputed_forecasts,
    recomputed_sentiment,
    stored_forecasts,
    stored_sentiment,
)


def kill(job):
    """Kills the job and waits for its JVM, which writes checkpoints a moment longer."""
    children = psutil.Process(job.pid).children(recursive=True)
    job.kill()
    job.wait(30)
    wait_until(lambda: all(map(has_ended, children)), JOB_SECONDS, "end of the JVM")


def has_ended(process):
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wipe(checkpoints, older):
    shutil.rmtree(checkpoints)


def delete_half(checkpoints, older):
    files = sorted(path for path in checkpoints.rglob("*") if path.is_file())
    for path in random.Random(7).sample(files, len(files) // 2):
        path.unlink()


def restore_older(checkpoints, older):
    """Restores the folder as it was some batches ago, as a backup does."""
    shutil.rmtree(checkpoints)
    shutil.copytree(older, checkpoints)


def copy_of(checkpoints, folder):
    """Copies a folder that a running job writes; skips files that are deleted meanwhile."""
    shutil.copytree(checkpoints, folder, ignore_dangling_symlinks=True, copy_function=copy_if_exists)
    return folder


def copy_if_exists(source, target):
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        return


@pytest.mark.parametrize("tamper", [wipe, delete_half, restore_older])
def test_raw_job_loses_and_repeats_nothing(house, tmp_path, tamper):
    checkpoints = house.settings.checkpoints
    source = Source(house.settings.kafka_bootstrap_servers)
    source.send(500)
    job = house.start(RAW_JOB)
    assert_clean(house.audit())
    older = copy_of(checkpoints, tmp_path / "older")
    assert any(path.is_file() for path in older.rglob("offsets/*"))
    source.send(500)
    assert_clean(house.audit())
    source.send(300)
    kill(job)
    tamper(checkpoints, older)
    source.send(300)
    house.start(RAW_JOB)
    assert_clean(house.audit())


@pytest.mark.parametrize("tamper", [delete_half, restore_older])
def test_window_job_counts_everything_once(house, tmp_path, tamper):
    bootstrap, checkpoints = house.settings.kafka_bootstrap_servers, house.settings.checkpoints
    source, moments = Source(bootstrap), count(time.time() // 1 - 900, 200)
    forecasts, sentiment = {}, {}

    def send_and_wait(records, job):
        source.send(records, next(moments))
        forecasts.update(recomputed_forecasts(bootstrap))
        sentiment.update(recomputed_sentiment(bootstrap))
        total = sum(seen for seen, *_ in forecasts.values()), sum(seen for seen, *_ in sentiment.values())
        wait_until(
            lambda: house.query(WINDOW_COUNTS) == [total],
            JOB_SECONDS,
            f"{total} in windows",
            lambda: job.poll() is None,
        )

    job = house.start(WINDOW_JOB)
    send_and_wait(1_000, job)
    older = copy_of(checkpoints, tmp_path / "older")
    send_and_wait(1_000, job)
    kill(job)
    tamper(checkpoints, older)
    send_and_wait(1_000, house.start(WINDOW_JOB))
    assert any(outcome is not None for *_, outcome in forecasts.values())
    assert differences(forecasts, stored_forecasts(house.query)) == []
    assert differences(sentiment, stored_sentiment(house.query)) == []
