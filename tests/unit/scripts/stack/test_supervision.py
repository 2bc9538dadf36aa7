import configparser
import os
import shlex
import sys
from contextlib import suppress

import psutil
import pytest

from foundation.waiting import wait_until
from scripts.stack import supervision
from scripts.stack.processes import Process
from scripts.stack.supervision import SOCKET_PATH_LIMIT, STARTER, Keeper, keeper_config, socket_path

SLEEPER = Process("sleeper", (sys.executable, "-c", "import time; time.sleep(600)"), ())


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


def test_nothing_starts_by_itself_and_whatever_ends_is_started_again(tmp_path):
    program = read(keeper_config(tmp_path, [SLEEPER]))["program:sleeper"]
    assert program["autostart"] == "false"
    assert program["autorestart"] == "true"
    assert program["stopsignal"] == "TERM"
    assert program["stopwaitsecs"] == "30"
    assert program["startretries"] == "5"


def test_values_are_escaped(tmp_path):
    process = Process("odd", ("/a b/python", "-c", "print('100%')"), ())
    config = read(keeper_config(tmp_path, [process]))
    command = config["program:odd"]["command"]
    assert shlex.split(command.replace("%%", "%")) == list(process.command)


def test_the_starter_is_told_the_address_whatever_the_folder_is_called(tmp_path):
    folder = tmp_path / "a b'100%"
    command = read(keeper_config(folder, []))[f"eventlistener:{STARTER}"]["command"]
    assert shlex.split(command.replace("%%", "%"))[-1] == f"unix://{socket_path(folder)}"


@pytest.fixture
def keeper(tmp_path_factory):
    keeper = Keeper(tmp_path_factory.mktemp("k"))
    yield keeper
    keeper.shut_down(20)
    for process in keeper.own_processes():
        process.kill()


def sleeper_of(keeper, former=0):
    """The sleeper, another than `former`, once its program runs: until then it is still the keeper's own copy."""
    wait_until(lambda: keeper.states()["sleeper"]["pid"] not in (0, former), 20, "the sleeper")
    sleeper = psutil.Process(keeper.states()["sleeper"]["pid"])
    wait_until(lambda: SLEEPER.command[-1] in sleeper.cmdline(), 20, "its program")
    return sleeper


def test_keeper_restarts_what_is_killed_and_leaves_nothing_behind(keeper):
    keeper.launch([SLEEPER], {"CRYPTOVIZ_LOG_LEVEL": "INFO"})
    assert keeper.states()["sleeper"]["statename"] == "STOPPED"
    keeper.start(["sleeper"])
    first = sleeper_of(keeper).pid
    starter = keeper._call("getProcessInfo", STARTER)["pid"]
    assert {process.pid for process in keeper.own_processes()} == {first, starter, keeper.process().pid}

    os.kill(first, 9)
    sleeper_of(keeper, first)
    keeper.stop(["sleeper"], 20)
    assert keeper.states()["sleeper"]["statename"] == "STOPPED"
    keeper.shut_down(20)
    assert not keeper.is_running()
    assert keeper.own_processes() == []


def test_process_sees_what_it_is_told_and_no_leftovers_of_the_shell(keeper, monkeypatch):
    monkeypatch.setenv("SPARK_HOME", "/of/another/spark")
    monkeypatch.setenv("PGPASSWORD", "of another database")
    monkeypatch.setenv("CRYPTOVIZ_PAIRS", "ETH/USD")
    keeper.launch([SLEEPER], {"CRYPTOVIZ_FEED_URLS": "http://127.0.0.1:1/a,http://127.0.0.1:1/b%20c"})
    keeper.start(["sleeper"])
    told = sleeper_of(keeper).environ()
    assert not {"SPARK_HOME", "PGPASSWORD"} & set(told)
    assert told["CRYPTOVIZ_PAIRS"] == "ETH/USD"
    assert told["CRYPTOVIZ_FEED_URLS"] == "http://127.0.0.1:1/a,http://127.0.0.1:1/b%20c"


def test_process_that_lost_its_keeper_is_still_known_as_ours(keeper):
    keeper.launch([SLEEPER], {})
    keeper.start(["sleeper"])
    orphan = sleeper_of(keeper).pid
    keeper.process().kill()
    wait_until(lambda: (left := keeper.process()) is None or not is_alive(left), 20, "the keeper's end")
    # The starter hears no more of its keeper, and ends.
    wait_until(
        lambda: [left.pid for left in keeper.own_processes() if is_alive(left)] == [orphan], 20, "the orphan alone"
    )
    assert Keeper(keeper.data_dir.parent).own_processes() == []


def is_alive(process):
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def test_what_was_given_up_is_started_again_and_what_was_stopped_is_not(keeper, tmp_path, monkeypatch):
    """A program that fails until its disk has room."""
    monkeypatch.setattr(supervision, "START_RETRIES", 0)
    room = tmp_path / "room"
    program = f"import pathlib, time; pathlib.Path({str(room)!r}).stat(); time.sleep(600)"
    failing, idle = (Process(name, (sys.executable, "-c", program), ()) for name in ("failing", "idle"))
    keeper.launch([failing, idle], {})
    keeper.start(["failing"])
    wait_until(lambda: keeper.states()["failing"]["statename"] == "FATAL", 60, "its end")
    first = keeper.states()["failing"]["start"]
    wait_until(lambda: keeper.states()["failing"]["start"] > first, 60, "another start")
    room.touch()
    wait_until(lambda: keeper.states()["failing"]["statename"] == "RUNNING", 60, "the program with room")
    assert keeper.states()["idle"]["statename"] == "STOPPED"


def test_keeper_that_never_ran_is_not_running(tmp_path):
    keeper = Keeper(tmp_path)
    assert not keeper.is_running()
    assert keeper.process() is None
    assert keeper.own_processes() == []


def test_pid_file_of_another_process_is_not_believed(tmp_path):
    (tmp_path / "supervisord.pid").write_text(str(os.getpid()))
    assert Keeper(tmp_path).process() is None
