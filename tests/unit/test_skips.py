"""A skipped test fails a run under CI=true, and only there."""

import os
import subprocess
import sys

import pytest

from contracts.settings import ROOT


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
@pytest.mark.parametrize(
    "skipping",
    [
        "import pytest\n\ndef test_it():\n    pytest.skip('no')\n",
        "import pytest\npytest.skip('no', allow_module_level=True)\n",
    ],
)
def test_skip_fails_the_run_under_ci_alone(tmp_path, ci, code, skipping):
    (tmp_path / "test_skipping.py").write_text(skipping)
    (tmp_path / "test_passing.py").write_text("def test_it():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.testkit.skips", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    assert ("counts as failed" in done.stdout) is bool(code)
