"""Modules of the product as processes: their environment, their logs, their end. For every suite that starts one."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from contracts.settings import ROOT
from foundation.waiting import wait_until

STOP_SECONDS = 30.0
"""After that a process that was asked to stop is killed."""


def isolated_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without the settings of any stack, then `changes`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CRYPTOVIZ_", "DATABASE_"))}
    return {**inherited, **changes}


def run_module(
    module: str, *arguments: str, environment: Mapping[str, str], seconds: float, code: int | None = None
) -> "subprocess.CompletedProcess[str]":
    """`python -m <module>` to its end, with its output. Asserts the exit code, if one is given."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


class ModuleProcess(subprocess.Popen[bytes]):
    """`python -m <module>` in the checkout, its output appended to `<name>.log` in `folder`.

    As a context manager it is killed on exit.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str], module: str, *arguments: str, name: str | None = None
    ) -> None:
        self.name = name or module.rpartition(".")[2]
        self.log = folder / f"{self.name}.log"
        with self.log.open("ab") as log:
            super().__init__(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()
        self.wait()

    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def wait_for(self, text: str, seconds: float) -> None:
        """Returns once its log contains `text`. Raises `NotReady`."""
        wait_until(lambda: text in self.log.read_text(), seconds, f"{self.name}: {text}", self.runs)

    def end(self, number: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> int:
        """Sends the signal and returns the exit code. Kills it and raises `TimeoutExpired` after `seconds`."""
        self.send_signal(number)
        try:
            return self.wait(seconds)
        finally:
            self.kill()
            self.wait()
