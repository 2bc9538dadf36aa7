import pytest

from monitoring.judgement import (
    age_text,
    judge_article_scraper,
    judge_candle_audit,
    judge_job,
    judge_kraken_producer,
    judge_market_poller,
    judge_notifier,
    judge_raw_job,
    judge_window_job,
)
from monitoring.samples import parse_samples

NOW = 1_000_000.0


def producer(*lines):
    return judge_kraken_producer(parse_samples("\n".join(lines) + "\n"), NOW)


SENT = 'cryptoviz_producer_messages_total{topic="rawticker"} 40'


def newest(age):
    return f'cryptoviz_producer_newest_event_timestamp_seconds{{topic="rawticker"}} {NOW - age}'


def test_producer_with_a_fresh_ticker_is_well():
    health = producer(SENT, 'cryptoviz_producer_messages_total{topic="rawtrade"} 2', newest(0.4))
    assert (health.state, health.figures) == ("ok", "42 messages sent, newest ticker 0.4 s old")


@pytest.mark.parametrize(("age", "state"), [(60, "ok"), (60.5, "late")])
def test_producer_is_late_above_a_minute(age, state):
    assert producer(SENT, newest(age)).state == state


def test_producer_without_a_connection_says_so():
    assert producer('cryptoviz_producer_connected{source="kraken"} 0').figures == "not connected to the exchange yet"
    assert producer('cryptoviz_producer_connected{source="kraken"} 1').figures == "connected, no ticker yet"


def test_producer_that_lost_a_message_is_not_well():
    health = producer(SENT, newest(1), 'cryptoviz_producer_failed_total{topic="rawtrade",reason="x"} 1')
    assert health.state == "late"
    assert "1 message(s) lost" in health.figures


def test_a_rejected_subscription_makes_the_producer_late_and_is_named():
    health = producer(SENT, newest(1), 'cryptoviz_producer_subscription_refused{source="kraken",symbol="FOO/USD"} 1')
    assert (health.state, health.partly) == ("late", True)
    assert health.figures == "40 messages sent, newest ticker 1.0 s old, rejected: FOO/USD"
    connected = 'cryptoviz_producer_connected{source="kraken"} 1'
    none = producer(connected, 'cryptoviz_producer_subscription_refused{source="kraken",symbol="FOO/USD"} 1')
    assert (none.state, none.partly, none.figures) == ("late", False, "connected, no ticker yet, rejected: FOO/USD")
    taken = producer(SENT, newest(1), 'cryptoviz_producer_subscription_refused{source="kraken",symbol="FOO/USD"} 0')
    assert (taken.state, taken.figures) == ("ok", "40 messages sent, newest ticker 1.0 s old")


@pytest.mark.parametrize("line", ['cryptoviz_producer_failed_total{topic="rawtrade",reason="x"} 1', newest(61)])
def test_a_producer_whose_data_do_not_flow_is_late_with_all_of_them(line):
    rejected = 'cryptoviz_producer_subscription_refused{source="kraken",symbol="FOO/USD"} 1'
    health = producer(SENT, *([] if "newest" in line else [newest(1)]), line, rejected)
    assert (health.state, health.partly) == ("late", False)


def test_poller_is_healthy_while_one_source_answers():
    connected = 'cryptoviz_producer_connected{{source="{}"}} {}'
    sent = 'cryptoviz_producer_messages_total{topic="market_data"} 7'

    def judge(*lines):
        health = judge_market_poller(parse_samples("\n".join(lines) + "\n"))
        return health.state, health.figures

    assert judge() == ("late", "0 messages sent, no source answers yet")
    both = connected.format("binance", 1), connected.format("coingecko", 1)
    assert judge(sent, *both) == ("ok", "7 messages sent, binance, coingecko answering")
    held = 'cryptoviz_producer_quarantined_total{source="coingecko",reason="null"} 2'
    assert judge(sent, connected.format("binance", 0), both[1], held) == (
        "ok",
        "7 messages sent, coingecko answering, binance not, 2 row(s) quarantined",
    )
    assert judge(connected.format("binance", 0)) == ("late", "0 messages sent, no source answers yet, binance not")
    rejected = 'cryptoviz_producer_subscription_refused{source="binance",symbol="FOOUSDT"} 1'
    assert judge(*both, rejected) == ("late", "0 messages sent, binance, coingecko answering, rejected: FOOUSDT")


@pytest.mark.parametrize(
    ("read", "failing", "judged"),
    [
        ("", "", ("late", False, "7 articles sent, no feed read yet")),
        ("abcde", "", ("ok", False, "7 articles sent, 5 of 5 feeds read")),
        ("abc", "ed", ("ok", False, "7 articles sent, 3 of 5 feeds read, not d, e")),
        ("ab", "cd", ("late", True, "7 articles sent, 2 of 4 feeds read, not c, d")),
        ("a", "bcde", ("late", True, "7 articles sent, 1 of 5 feeds read, not b, c, d, e")),
        ("", "abcde", ("late", False, "7 articles sent, 0 of 5 feeds read, not a, b, c, d, e")),
    ],
)
def test_the_scraper_is_healthy_while_most_feeds_are_read_whatever_was_before(read, failing, judged):
    lines = ['cryptoviz_producer_messages_total{topic="rawarticle"} 7']
    for feed in read + failing:
        lines.append(f'cryptoviz_producer_feed_fetches_total{{website="{feed}",outcome="ok"}} 9')
        lines.append(f'cryptoviz_producer_connected{{source="{feed}"}} {int(feed in read)}')
    health = judge_article_scraper(parse_samples("\n".join(lines) + "\n"))
    assert (health.state, health.partly, health.figures) == judged


def job(lag, committed_ago, *more):
    lines = (
        'cryptoviz_job_batch_seconds_count{query="q"} 5',
        'cryptoviz_job_rows_total{query="q",table="trade_data"} 7',
        f'cryptoviz_job_lag_messages{{query="q",topic="rawtrade"}} {lag}',
        f'cryptoviz_job_last_commit_timestamp_seconds{{query="q"}} {NOW - committed_ago}',
        *more,
    )
    return parse_samples("\n".join(lines) + "\n")


@pytest.mark.parametrize(("lag", "ago", "state"), [(0, 3600, "ok"), (5, 60, "ok"), (5, 61, "late")])
def test_job_is_late_only_with_something_to_read(lag, ago, state):
    assert judge_job("sentiment_prediction_job", job(lag, ago), NOW).state == state


def test_job_without_a_batch_is_late():
    assert judge_job("x", parse_samples(""), NOW).figures == "no batch yet"


@pytest.mark.parametrize(
    ("judge", "table", "what", "oldest"),
    [(judge_raw_job, "ticker_data", "ticker row", 60), (judge_window_job, "prediction_data", "price window", 90)],
)
def test_job_needs_a_fresh_row(judge, table, what, oldest):
    row = f'cryptoviz_job_newest_event_timestamp_seconds{{query="q",table="{table}"}} '
    assert judge(job(0, 1), NOW).state == "late"
    assert judge(job(0, 1, f"{row}{NOW - oldest - 1}"), NOW).state == "late"
    assert judge(job(5, 61, f"{row}{NOW - 2}"), NOW).state == "late"
    assert judge(job(0, 1, f"{row}{NOW - oldest}"), NOW).state == "ok"
    health = judge(job(0, 1, f"{row}{NOW - 2}"), NOW)
    assert health.state == "ok"
    assert health.figures == f"7 rows written, 0 messages behind, newest commit 1.0 s ago, newest {what} 2.0 s old"


def test_dead_letters_are_shown():
    line = 'cryptoviz_job_deadletters_total{query="q",topic="rawtrade"} 3'
    assert "3 dead letter(s)" in judge_job("x", job(0, 1, line), NOW).figures


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.44, "0.4 s"), (12.2, "12 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h")]
)
def test_age_as_people_say_it(seconds, text):
    assert age_text(seconds) == text


def test_candle_audit_tells_what_it_found_and_who_gave_no_answer():
    lines = [
        'cryptoviz_audit_compared_minutes{pair="BTC/USD"} 700',
        'cryptoviz_audit_compared_minutes{pair="ETH/USD"} 20',
        'cryptoviz_audit_mismatched_minutes{pair="ETH/USD"} 1',
    ]
    health = judge_candle_audit(parse_samples("\n".join(lines) + "\n"))
    assert (health.state, health.figures) == ("ok", "720 minutes compared, 1 differ")
    failed = 'cryptoviz_audit_failed_total{side="venue"} 2\n'
    assert judge_candle_audit(parse_samples(failed)).figures.endswith("0 differ, no answer of the venue 2 x")


def test_notifier_shows_what_became_of_its_notifications():
    line = 'cryptoviz_notifier_deliveries_total{{channel="log",outcome="{}"}} {}\n'
    found = judge_notifier(parse_samples(line.format("delivered", 7) + line.format("failed", 2)))
    assert (found.state, found.figures) == ("ok", "7 notifications delivered, 2 attempts failed")
    assert judge_notifier(parse_samples("")).figures == "0 notifications delivered"
