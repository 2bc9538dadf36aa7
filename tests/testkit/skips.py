"""A pytest plugin: under CI=true a skipped test is a failure, since what is not run there is not proved."""

import os

import pytest

SKIPPED = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[SKIPPED] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        item.config.stash[SKIPPED].append(item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if report.skipped:
        collector.config.stash[SKIPPED].append(collector.nodeid)
    return report


def _skips_count(config):
    return os.environ.get("CI") == "true" and bool(config.stash[SKIPPED])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if exitstatus == pytest.ExitCode.OK and _skips_count(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if _skips_count(config):
        terminalreporter.section("skipped under CI=true, which counts as failed", red=True)
        for nodeid in config.stash[SKIPPED]:
            terminalreporter.line(nodeid)
