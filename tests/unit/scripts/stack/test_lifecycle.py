import pytest

from contracts.settings import StackSettings
from foundation.waiting import NotReady
from monitoring.judgement import ServiceHealth
from scripts.stack import lifecycle
from scripts.stack.lifecycle import answering, healthy, mode_of, services_of, wait_for_services
from scripts.stack.preflight import StackError
from scripts.stack.processes import processes


@pytest.fixture
def config(tmp_path):
    return StackSettings(_env_file=None, data_dir=tmp_path, database_url="", kafka_bootstrap_servers="127.0.0.1:9092")


def test_an_outside_database_is_watched_though_it_has_no_process(config):
    outside = config.model_copy(update={"database_url": "postgresql://db.example/x"})
    parts = services_of(processes(outside, "live", with_prometheus=False))
    assert parts == (
        *("postgres", "kafka", "kraken_producer", "market_poller", "article_scraper"),
        *("kafka_to_timescale", "sentiment_prediction_job", "api", "candle_audit"),
    )


def test_data_folder_belongs_to_one_exchange(config):
    assert mode_of(config) is None
    lifecycle._claim(config, "simulator")
    lifecycle._claim(config, "simulator")
    assert mode_of(config) == "simulator"
    with pytest.raises(StackError, match="holds data of the simulated exchange: make reset"):
        lifecycle._claim(config, "live")


def test_only_one_start_at_a_time(config):
    def start():
        with lifecycle.starting(config):
            raise AssertionError("two starts at once")

    with lifecycle.starting(config), pytest.raises(StackError, match=r"is being started in .* already"):
        start()
    with lifecycle.starting(config):
        pass


def _answers(monkeypatch, rounds):
    asked = []

    def check(_config, parts):
        asked.append(tuple(parts))
        answers = rounds[min(len(asked), len(rounds)) - 1]
        return [ServiceHealth(part, *answers[part][:2], partly=len(answers[part]) > 2) for part in parts]

    monkeypatch.setattr(lifecycle, "check_services", check)
    monkeypatch.setattr(lifecycle.time, "sleep", lambda _seconds: None)
    return asked


def test_waiting_asks_only_those_not_ready_and_prints_each_reason_once(config, monkeypatch):
    late = ("late", "0 rows after 1 s")
    rounds = [
        {"kafka": ("ok", "up"), "api": ("down", "refused")},
        {"api": late},
        {"api": ("late", "0 rows after 2 s")},
        {"api": ("ok", "fine")},
    ]
    asked, printed = _answers(monkeypatch, rounds), []
    wait_for_services(config, ["kafka", "api"], 60, printed.append, healthy)
    assert asked == [("kafka", "api"), ("api",), ("api",), ("api",)]
    assert [" ".join(line.split()[:2]) for line in printed] == ["kafka ready", "api waiting:", "api ready"]


def test_late_is_enough_for_a_server_that_has_yet_to_be_prepared(config, monkeypatch):
    _answers(monkeypatch, [{"postgres": ("late", "0 of 6 tables")}])
    wait_for_services(config, ["postgres"], 60, lambda _line: None, answering)


def test_a_service_without_the_data_that_a_venue_rejects_keeps_no_stack_from_coming_up(config, monkeypatch):
    _answers(monkeypatch, [{"kraken_producer": ("late", "rejected: FOO/USD", True)}])
    wait_for_services(config, ["kraken_producer"], 60, lambda _line: None, healthy)


def test_waiting_ends_with_what_is_missing_and_its_log(config, monkeypatch):
    _answers(monkeypatch, [{"api": ("down", "nothing answers")}])
    with pytest.raises(NotReady, match=r"api \(nothing answers\)\. Its log: .*/logs/api\.log"):
        wait_for_services(config, ["api"], 0, lambda _line: None, healthy)


def test_a_preparation_that_lasts_prints_its_lines_and_one_that_fails_its_reason(monkeypatch):
    printed = []
    monkeypatch.setattr(lifecycle, "PREPARATIONS", ("this",))
    monkeypatch.setattr(lifecycle, "QUIET_SECONDS", 600.0)
    lifecycle.prepare({}, printed.append)
    assert printed == [f"  {'this':24} done"]
    monkeypatch.setattr(lifecycle, "QUIET_SECONDS", 0.0)
    lifecycle.prepare({}, printed.append)
    assert printed[1] == f"  {'this':24} The Zen of Python, by Tim Peters"
    monkeypatch.setattr(lifecycle, "PREPARATIONS", ("this", "json.tool"))
    with pytest.raises(NotReady, match=r"python -m json\.tool failed: Expecting value"):
        lifecycle.prepare({}, printed.append)
