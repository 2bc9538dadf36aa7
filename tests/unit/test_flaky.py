"""Under CI=true a failed test is repeated once, alone; a verdict, and a fourth flaky test, fail all the same."""

import os
import re
import subprocess
import sys

import pytest

from contracts.settings import ROOT
from tests import conftest
from tests.testkit.flaky import WrongRows, assert_kept

PASSES = "def test_passes():\n    pass\n"
FAILS = "def test_fails():\n    assert 1 == 2\n"
FLAKY = """
from pathlib import Path

def test_flaky_{number}():
    mark = Path(__file__).with_suffix(".ran")
    ran = mark.exists()
    mark.touch()
    print("output", "of the second run" if ran else "of the first run")
    {check}
"""
ASSERTS = "assert ran, 'the first run'"
WRONG_ROWS = "from tests.testkit.flaky import WrongRows\n    if not ran: raise WrongRows('1 lost')"
MARKED = "import pytest\npytestmark = pytest.mark.verdict\n"
DEADLINE = "from foundation.waiting import NotReady\n    if not ran: raise NotReady('not ready')"
FIXTURE = """
import pytest
from pathlib import Path

@pytest.fixture
def server():
    yield
    mark = Path(__file__).with_suffix(".ran")
    ran = mark.exists()
    mark.touch()
    assert ran

def test_with_server(server):
    pass
"""


def flaky(number=1, check=ASSERTS, head=""):
    return head + FLAKY.format(number=number, check=check)


def run_pytest(folder, sources, ci="true"):
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -ra\n")
    for number, source in enumerate(sources):
        (folder / f"test_{number}.py").write_text(source)
    plugins = ("-p", "tests.testkit.flaky", "-p", "tests.testkit.skips")
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": " ".join(plugins)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("sources", "code", "closing"),
    [
        ([PASSES], 0, "1 passed"),
        ([PASSES, FIXTURE, flaky(), flaky(2, DEADLINE, MARKED)], 0, "4 passed, 3 flaky"),
        ([FAILS, flaky()], 1, "1 failed, 1 passed, 1 flaky"),
        ([flaky(number) for number in range(11)], 1, "11 failed"),
        ([PASSES, "import nothing_of_that_name\n"], 2, "1 error"),
    ],
    ids=["passes", "three flaky", "fails twice beside a flaky one", "too many to repeat", "does not import"],
)
def test_failure_is_repeated_once_under_ci(tmp_path, sources, code, closing):
    done = run_pytest(tmp_path, sources)
    assert done.returncode == code, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(rf"=+ {closing} in [\d.]+s.* =+", last), done.stdout


def test_flaky_test_is_named_with_both_outputs(tmp_path):
    lines = run_pytest(tmp_path, [flaky()]).stdout.splitlines()
    assert "flaky: test_0.py::test_flaky_1" in lines
    first, second = lines.index("  first run:"), lines.index("  second run, alone:")
    assert first < lines.index("  | output of the first run") < second
    assert any("1 passed" in line for line in lines[second:-1])


def test_four_flaky_tests_fail_and_are_named(tmp_path):
    done = run_pytest(tmp_path, [flaky(number) for number in range(4)])
    lines = done.stdout.splitlines()
    assert (done.returncode, "4 failed in" in lines[-1]) == (1, True), done.stdout
    assert len([line for line in lines if line.startswith("flaky: ")]) == 4
    assert "4 flaky tests, more than 3: they count as failed" in lines


def test_verdict_is_not_repeated(tmp_path):
    done = run_pytest(tmp_path, [PASSES, flaky(1, head=MARKED), flaky(2, WRONG_ROWS)])
    assert (done.returncode, "2 failed, 1 passed in" in done.stdout.splitlines()[-1]) == (1, True), done.stdout
    for nodeid in ("test_1.py::test_flaky_1", "test_2.py::test_flaky_2"):
        assert f"verdict, not repeated: {nodeid}" in done.stdout


def test_test_that_skips_itself_the_second_time_is_no_flaky_one(tmp_path):
    source = flaky(check="import pytest\n    pytest.skip('later') if ran else pytest.fail('now')")
    done = run_pytest(tmp_path, [source])
    assert done.returncode == 1, done.stdout
    assert "failed twice: test_0.py::test_flaky_1" in done.stdout


def test_nothing_is_repeated_without_ci(tmp_path):
    done = run_pytest(tmp_path, [flaky()], ci="")
    assert done.returncode == 1
    assert "flaky:" not in done.stdout


@pytest.mark.parametrize(("code", "error"), [(1, WrongRows), (2, AssertionError)])
def test_exit_code_of_an_audit_says_whether_it_is_a_verdict(code, error):
    assert_kept(subprocess.CompletedProcess([], 0, "", ""))
    with pytest.raises(AssertionError, match="what was found") as raised:
        assert_kept(subprocess.CompletedProcess([], code, "what was found", ""))
    assert raised.type is error


def test_suite_loads_the_plugins():
    assert {"tests.testkit.flaky", "tests.testkit.skips"} <= set(conftest.pytest_plugins)
