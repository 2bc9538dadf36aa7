"""A pytest plugin: under CI=true each failed test is repeated once, alone, in a process of its own.

A test that passes then is flaky: it counts as passed, and both outputs are printed. More than `MOST_FLAKY` of them fail
the run. A verdict (lost, duplicated or wrong rows) is never repeated: it is `WrongRows`, or any failed assertion of a
test marked `verdict`. A deadline exceeded in such a test is no verdict.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

MOST_FLAKY = 3
MOST_REPEATED = 10
"""More failures than these have one cause: nothing is repeated."""
REPEAT_SECONDS = 1_200


class WrongRows(AssertionError):
    """Rows were lost, duplicated or altered."""


def assert_kept(run):
    """A finished audit or chaos run found every row. Exit code 1 is its verdict; any other is a failure by accident."""
    output = f"exit code {run.returncode}\n{run.stdout}{run.stderr}"
    if run.returncode == 1:
        raise WrongRows(output)
    assert run.returncode == 0, output


@dataclass
class Failure:
    """A failed test: its output, and that of its second run."""

    output: str = ""
    verdict: bool = False
    second: str | None = None
    passed: bool = False


@dataclass
class Failures:
    """The failed tests of this run by node id."""

    by_test: dict[str, Failure] = field(default_factory=dict)

    @property
    def flaky(self) -> list[str]:
        return [nodeid for nodeid, failure in self.by_test.items() if failure.passed]

    @property
    def forgiven(self) -> list[str]:
        """The flaky tests that count as passed."""
        return self.flaky if len(self.flaky) <= MOST_FLAKY else []


FAILURES = pytest.StashKey[Failures]()


def pytest_addoption(parser):
    parser.addoption("--no-repeat", action="store_true", help="repeat no failed test, under CI=true neither")


def pytest_configure(config):
    config.stash[FAILURES] = Failures()
    config.addinivalue_line("markers", "verdict: a failed assertion means lost, duplicated or wrong rows")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        failure = item.config.stash[FAILURES].by_test.setdefault(item.nodeid, Failure())
        failure.output += "\n".join([f"{report.when}:", report.longreprtext, *map("\n".join, report.sections)])
        failure.verdict |= call.excinfo is not None and _is_verdict(item, call.excinfo.value)
    return report


def _is_verdict(item, error):
    marked = item.get_closest_marker("verdict") is not None
    return isinstance(error, WrongRows) or (marked and isinstance(error, AssertionError | pytest.fail.Exception))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session):
    result = yield
    failures = session.config.stash[FAILURES]
    if _repeats(session.config) and len(failures.by_test) <= MOST_REPEATED:
        for nodeid, failure in failures.by_test.items():
            if not failure.verdict:
                failure.passed, failure.second = _run_alone(session.config, nodeid)
        for nodeid in failures.forgiven:
            session.testsfailed -= _forgive(session.config, nodeid)
    return result


def _repeats(config):
    return os.environ.get("CI") == "true" and not config.option.no_repeat and not config.option.collectonly


def _run_alone(config, nodeid):
    """Whether the test passes in a process of its own, and the output of that process."""
    command = [sys.executable, "-m", "pytest", "--no-repeat", "-p", "no:cacheprovider", nodeid]
    try:
        done = subprocess.run(
            command,
            cwd=config.rootpath,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=REPEAT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        return False, f"{(expired.stdout or b'').decode(errors='replace')}\nended after {REPEAT_SECONDS} s"
    return done.returncode == 0, done.stdout.decode(errors="replace")


def _forgive(config, nodeid):
    """Counts the test as passed and flaky in the closing line. Returns how many failures are taken back."""
    stats = config.pluginmanager.get_plugin("terminalreporter").stats
    taken_back = []
    for outcome in ("failed", "error"):
        taken_back += [report for report in stats.get(outcome, []) if report.nodeid == nodeid]
        stats[outcome] = [report for report in stats.get(outcome, []) if report.nodeid != nodeid]
    stats.setdefault("flaky", []).append(taken_back[0])
    passed = stats.setdefault("passed", [])
    if all(report.nodeid != nodeid for report in passed):
        passed.append(taken_back[0])
    return len(taken_back)


def pytest_terminal_summary(terminalreporter, config):
    failures = config.stash[FAILURES]
    for nodeid, failure in failures.by_test.items():
        if failure.second is not None:
            what = "flaky" if failure.passed else "failed twice"
            terminalreporter.section(f"{what}: {nodeid}", yellow=failure.passed, red=not failure.passed)
            terminalreporter.line(f"{what}: {nodeid}")
            _show(terminalreporter, "first run", failure.output)
            _show(terminalreporter, "second run, alone", failure.second)
        elif failure.verdict and _repeats(config):
            terminalreporter.line(f"verdict, not repeated: {nodeid}")
    if failures.flaky and not failures.forgiven:
        terminalreporter.line(f"{len(failures.flaky)} flaky tests, more than {MOST_FLAKY}: they count as failed")


def _show(terminalreporter, title, output):
    terminalreporter.line(f"  {title}:")
    for line in output.splitlines():
        terminalreporter.line(f"  | {line}")
