import configparser
import os
import shlex
import sys
from contextlib import suppress

import psutil
import pytest

from foundation.waiting import wait_until
from scripts.stack import supervision
from scripts.stack.processes import ServiceProcess
from scripts.stack.supervision import RESTARTER, SOCKET_PATH_LIMIT, SupervisorClient, socket_path, supervisord_config

SLEEPER = ServiceProcess("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"), ())


def read(text):
    parser = configparser.RawConfigParser(inline_comment_prefixes=None)
    parser.read_string(text)
    return parser


def test_socket_lies_in_the_data_folder(tmp_path):
    short = tmp_path if len(str(tmp_path)) < 70 else type(tmp_path)("/tmp")
    assert socket_path(short) == short / "supervisor.sock"


def test_socket_of_a_deep_folder_has_a_short_path_of_its_own(tmp_path):
    deep, other = tmp_path / ("a" * 100), tmp_path / ("b" * 100)
    assert len(os.fsencode(socket_path(deep))) <= SOCKET_PATH_LIMIT
    assert socket_path(deep) != socket_path(other)
    assert socket_path(deep) == socket_path(deep)


def test_nothing_is_autostarted_and_whatever_ends_is_restarted(tmp_path):
    program = read(supervisord_config(tmp_path, [SLEEPER]))["program:sleeper"]
    assert program["autostart"] == "false"
    assert program["autorestart"] == "true"
    assert program["stopsignal"] == "TERM"
    assert program["stopwaitsecs"] == "30"
    assert program["startretries"] == "5"


def test_values_are_escaped(tmp_path):
    process = ServiceProcess("odd", ("/a b/python", "-c", "print('100%')"), ())
    config = read(supervisord_config(tmp_path, [process]))
    command = config["program:odd"]["command"]
    assert shlex.split(command.replace("%%", "%")) == list(process.command)


def test_the_restarter_gets_the_address_whatever_the_folder_is_called(tmp_path):
    folder = tmp_path / "a b'100%"
    command = read(supervisord_config(folder, []))[f"eventlistener:{RESTARTER}"]["command"]
    assert shlex.split(command.replace("%%", "%"))[-1] == f"unix://{socket_path(folder)}"


@pytest.fixture
def supervisor(tmp_path_factory):
    supervisor = SupervisorClient(tmp_path_factory.mktemp("k"))
    yield supervisor
    supervisor.shut_down(20)
    for process in supervisor.own_processes():
        process.kill()


def sleeper_of(supervisor, former=0):
    """The sleeper, another than `former`, once its program runs: until then it is still a copy of supervisord."""
    wait_until(lambda: supervisor.states()["sleeper"]["pid"] not in (0, former), 20, "the sleeper")
    sleeper = psutil.Process(supervisor.states()["sleeper"]["pid"])
    wait_until(lambda: SLEEPER.command[-1] in sleeper.cmdline(), 20, "its program")
    return sleeper


def test_supervisord_restarts_what_is_killed_and_leaves_nothing_behind(supervisor):
    supervisor.launch([SLEEPER], {"CRYPTOVIZ_LOG_LEVEL": "INFO"})
    assert supervisor.states()["sleeper"]["statename"] == "STOPPED"
    supervisor.start(["sleeper"])
    first = sleeper_of(supervisor).pid
    restarter = supervisor._call("getProcessInfo", RESTARTER)["pid"]
    assert {process.pid for process in supervisor.own_processes()} == {first, restarter, supervisor.process().pid}

    os.kill(first, 9)
    sleeper_of(supervisor, first)
    supervisor.stop(["sleeper"], 20)
    assert supervisor.states()["sleeper"]["statename"] == "STOPPED"
    supervisor.shut_down(20)
    assert not supervisor.is_running()
    assert supervisor.own_processes() == []


def test_process_gets_its_variables_and_no_leftovers_of_the_shell(supervisor, monkeypatch):
    monkeypatch.setenv("SPARK_HOME", "/of/another/spark")
    monkeypatch.setenv("PGPASSWORD", "of another database")
    monkeypatch.setenv("CRYPTOVIZ_PAIRS", "ETH/USD")
    supervisor.launch([SLEEPER], {"CRYPTOVIZ_FEED_URLS": "http://127.0.0.1:1/a,http://127.0.0.1:1/b%20c"})
    supervisor.start(["sleeper"])
    environment = sleeper_of(supervisor).environ()
    assert not {"SPARK_HOME", "PGPASSWORD"} & set(environment)
    assert environment["CRYPTOVIZ_PAIRS"] == "ETH/USD"
    assert environment["CRYPTOVIZ_FEED_URLS"] == "http://127.0.0.1:1/a,http://127.0.0.1:1/b%20c"


def test_process_that_lost_its_supervisord_is_still_known_as_ours(supervisor):
    supervisor.launch([SLEEPER], {})
    supervisor.start(["sleeper"])
    orphan = sleeper_of(supervisor).pid
    supervisor.process().kill()
    wait_until(lambda: (left := supervisor.process()) is None or not is_alive(left), 20, "the end of supervisord")
    # The restarter reads the end of its input, and ends.
    wait_until(
        lambda: [left.pid for left in supervisor.own_processes() if is_alive(left)] == [orphan], 20, "the orphan alone"
    )
    assert SupervisorClient(supervisor.data_dir.parent).own_processes() == []


def is_alive(process):
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_failed_process_is_restarted_and_a_stopped_one_is_not(supervisor, tmp_path, monkeypatch):
    """A program that fails until its disk has room."""
    monkeypatch.setattr(supervision, "START_RETRIES", 0)
    room = tmp_path / "room"
    program = f"import pathlib, time; pathlib.Path({str(room)!r}).stat(); time.sleep(600)"
    failing, idle = (ServiceProcess(name, (sys.executable, "-c", program), ()) for name in ("failing", "idle"))
    supervisor.launch([failing, idle], {})
    supervisor.start(["failing"])
    wait_until(lambda: supervisor.states()["failing"]["statename"] == "FATAL", 60, "its end")
    first = supervisor.states()["failing"]["start"]
    wait_until(lambda: supervisor.states()["failing"]["start"] > first, 60, "another start")
    room.touch()
    wait_until(lambda: supervisor.states()["failing"]["statename"] == "RUNNING", 60, "the program with room")
    assert supervisor.states()["idle"]["statename"] == "STOPPED"


def test_supervisord_that_never_ran_is_not_running(tmp_path):
    supervisor = SupervisorClient(tmp_path)
    assert not supervisor.is_running()
    assert supervisor.process() is None
    assert supervisor.own_processes() == []


def test_pid_file_of_another_process_is_ignored(tmp_path):
    (tmp_path / "supervisord.pid").write_text(str(os.getpid()))
    assert SupervisorClient(tmp_path).process() is None
