"""A short run of the command: nothing is lost or duplicated, and no process or folder remains."""

import re
from pathlib import Path

import psutil

from tests.testkit.flaky import assert_kept
from tests.testkit.processes import run_module

RUN_SECONDS = 1_200


def run_chaos(*arguments):
    return run_module("tests.chaos", *arguments, environment={}, seconds=RUN_SECONDS)


def folder_of(run):
    (folder,) = re.findall(r"folder is (\S+)", run.stdout)
    return folder


def processes_that_name(folder):
    return [process for process in psutil.process_iter() if folder in " ".join(_command(process))]


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_five_kills_lose_nothing_and_repeat_nothing():
    run = run_chaos("--kills", "5")
    assert_kept(run)
    lines = run.stdout.splitlines()
    assert lines[-1] == "5 kills, 0 lost, 0 duplicated"
    assert len([line for line in lines if "kill -9" in line]) == 5
    assert any("stopped and started again" in line for line in lines)
    assert any("connections to" in line for line in lines)
    compared = re.search(r"trades +(\d+) as in the undisturbed run, 0 missing", run.stdout)
    windows = re.search(r"windows +(\d+) of \1 as recomputed", run.stdout)
    assert compared, run.stdout
    assert windows, run.stdout
    assert min(int(compared[1]), int(windows[1])) > 0
    assert processes_that_name(folder_of(run)) == []
    assert not Path(folder_of(run)).exists()
