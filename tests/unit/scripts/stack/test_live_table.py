from contracts.tables import TABLES
from contracts.topics import RAW_TOPICS
from monitoring.samples import parse_samples
from scripts.stack.live_table import Rates, erase, hops, render_screen

SCRAPES = {
    "kraken_producer": parse_samples(
        'cryptoviz_producer_messages_total{topic="rawticker"} 100\n'
        'cryptoviz_producer_newest_event_timestamp_seconds{topic="rawticker"} 990.5\n'
    ),
    "kafka_to_timescale": parse_samples(
        'cryptoviz_job_rows_total{query="q",table="ticker_data"} 90\n'
        'cryptoviz_job_lag_messages{query="q",topic="rawticker"} 10\n'
        'cryptoviz_job_newest_event_timestamp_seconds{query="q",table="ticker_data"} 980\n'
    ),
}


def test_every_topic_and_every_table_has_its_line():
    found = [hop.name.replace("->", "").strip() for hop in hops({})]
    assert sorted(found) == sorted([*(topic.name for topic in RAW_TOPICS), *(table.name for table in TABLES)])


def test_table_stands_under_its_topic_with_lag_and_newest():
    ticker, table = hops(SCRAPES)[:2]
    assert (ticker.name, ticker.total, ticker.newest) == ("-> rawticker", 100, 990.5)
    assert (table.name, table.total, table.lag, table.newest) == ("   -> ticker_data", 90, 10, 980)


def test_rate_is_the_growth_over_the_last_seconds():
    rates = Rates()
    assert rates.rate("a", 100, 10.0) is None
    assert rates.rate("a", 110, 15.0) == 2.0
    assert rates.rate("a", 110, 24.0) == 0.0  # the reading at 10 s is too old by now
    assert rates.rate("a", 5, 24.5) == 0.0  # a restart began at 0 again


def test_screen_shows_rate_age_and_what_does_not_run():
    rates = Rates()
    states = {"api": {"statename": "RUNNING"}, "kafka": {"statename": "BACKOFF"}}
    render_screen(hops({}), states, "ok", rates, 999.0)
    screen = render_screen(hops(SCRAPES), states, "ok, answers", rates, 1000.0)
    assert "-> rawticker                   100     100.0                 9.5 s" in screen
    assert "   -> ticker_data               90      90.0        10        20 s" in screen
    assert "api: ok, answers" in screen
    assert "1 processes running; kafka backoff" in screen


def test_next_screen_is_drawn_over_the_last_one_alone():
    assert erase("one\ntwo\nthree") == "\x1b[3F\x1b[J"
