"""Each fault of the simulated exchange, and that no trade is missing or there twice after it.

What was published is held, id by id, against the exchange's own history.
"""

import pytest

from contracts.topics import RAWGAP, RAWTICKER, RAWTRADE
from foundation.waiting import wait_until
from tests.testkit.producers import PAIRS, START_SECONDS, ids_of, messages, published, running_stack

pytestmark = pytest.mark.verdict

BTC = "BTC/USD"


class Scene:
    """A stack whose market producer runs."""

    def __init__(self, stack, producer):
        self.stack = stack
        self.producer = producer

    def metric(self, start):
        return self.stack.metric(self.stack.kraken_metrics, f"cryptoviz_producer_{start}")

    def reconnects(self, reason=""):
        return self.metric(f'reconnects_total{{reason="{reason}' if reason else "reconnects_total")

    def wait(self, condition, what, seconds=START_SECONDS):
        wait_until(condition, seconds, what, lambda: self.producer.runs())

    def complete(self, pairs=PAIRS):
        """Waits until all that the exchange has traded by now is published; checks that none is twice. The gaps."""
        history = {pair: self.stack.rest_trades(pair) for pair in pairs}
        trades = []

        def missing():
            trades[:] = messages(self.stack, RAWTRADE)
            found = {pair: set(ids_of(trades, pair)) for pair in pairs}
            return {p: {i for i in history[p] if i >= min(found[p])} - found[p] for p in pairs if found[p]}

        self.wait(lambda: len(left := missing()) == len(pairs) and not any(left.values()), "every trade")
        for pair in pairs:
            ids = ids_of(trades, pair)
            assert len(ids) == len(set(ids)), f"{pair}: a trade twice"
            assert set(ids) <= set(self.stack.rest_trades(pair)), f"{pair}: a trade that never was"
        return self.gaps()

    def gaps(self):
        """The newest report of each gap, by pair and first id."""
        return {(gap.pair, gap.from_id): gap for gap in messages(self.stack, RAWGAP)}

    def closed(self, before):
        """The gaps found since `before`, once all of them are closed."""
        self.wait(lambda: all(gap.closed_at for gap in self.new(before)), "closed gaps")
        return self.new(before)

    def new(self, before):
        """The gaps found since `before`."""
        return [gap for key, gap in self.gaps().items() if key not in before]


@pytest.fixture(scope="module")
def scene(tmp_path_factory, empty_topics):
    # The trades of another exchange on this broker would be a gap that this one's history never fills.
    with (
        running_stack(tmp_path_factory.mktemp("faults"), empty_topics(), rate=60.0) as stack,
        stack.start("data_producers.kraken_producer") as producer,
    ):
        wait_until(published(stack, RAWTRADE, 200), START_SECONDS, "trades")
        yield Scene(stack, producer)


@pytest.fixture
def before(scene):
    """The gaps there were before the test; afterwards all faults are over."""
    yield scene.complete()
    scene.stack.clear_faults()


def test_a_hole_is_filled_and_on_record(scene, before):
    scene.stack.fault("hole", symbol=BTC, count=7)
    scene.wait(lambda: len(scene.gaps()) > len(before), "the gap")
    scene.complete()
    (gap,) = scene.closed(before)
    assert (gap.pair, gap.cause, gap.to_id - gap.from_id + 1, gap.missing_left) == (BTC, "jump", 7, 0)
    assert gap.from_time <= gap.to_time <= gap.detected_at < gap.closed_at
    trades = {trade.trade_id: trade for trade in messages(scene.stack, RAWTRADE) if trade.pair == BTC}
    assert {trades[i].source for i in range(gap.from_id, gap.to_id + 1)} == {"refill"}
    assert (gap.from_time, gap.to_time) == (trades[gap.from_id - 1].timestamp, trades[gap.to_id + 1].timestamp)


def test_late_trades_are_published_once_whichever_source_is_first(scene, before):
    scene.stack.fault("late", symbol=BTC, count=5)
    scene.wait(lambda: len(scene.gaps()) > len(before), "the gap")
    scene.complete()
    assert {(gap.pair, gap.cause, gap.missing_left) for gap in scene.closed(before)} == {(BTC, "jump", 0)}


def test_trades_the_other_way_round_are_all_there_with_their_gap_closed(scene, before):
    scene.stack.fault("reverse", symbol=BTC, count=6)
    scene.wait(lambda: len(scene.gaps()) > len(before), "the gap")
    scene.complete()
    (gap,) = scene.closed(before)
    assert (gap.pair, gap.cause, gap.to_id - gap.from_id + 1, gap.missing_left) == (BTC, "jump", 5, 0)
    sent = [t.trade_id for t in messages(scene.stack, RAWTRADE) if t.pair == BTC]
    place = sent.index(gap.to_id + 1)
    assert set(sent[place + 1 :]) >= set(range(gap.from_id, gap.to_id + 1)), "the newest came first"


def test_a_snapshot_sent_again_changes_nothing(scene, before):
    scene.stack.fault("duplicate_snapshot")
    assert scene.complete() == before


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4000])
def test_a_closed_socket_loses_nothing(scene, before, code):
    lost = scene.reconnects("closed")
    scene.stack.fault("close", code=code)
    scene.wait(lambda: scene.reconnects("closed") > lost, "the loss")
    scene.complete()
    assert {gap.cause for gap in scene.closed(before)} <= {"reconnect"}


def test_a_reader_that_is_cut_off_comes_back_whole(scene, before):
    lost = scene.reconnects()
    scene.stack.fault("cut")
    scene.wait(lambda: scene.reconnects() > lost, "the loss")
    scene.complete()
    assert {gap.cause for gap in scene.closed(before)} <= {"reconnect"}


def test_maintenance_is_said_and_what_comes_is_taken(scene, before):
    scene.stack.fault("status", system="maintenance")
    scene.wait(lambda: any(line.get("system") == "maintenance" for line in scene.producer.lines()), "the warning")
    assert scene.complete() == before


def test_a_garbage_frame_costs_itself_alone(scene, before):
    malformed, lost = scene.metric("malformed_total"), scene.reconnects()
    scene.stack.fault("garbage")
    scene.wait(lambda: scene.metric("malformed_total") == malformed + 1, "the malformed frame")
    assert scene.complete() == before
    assert scene.reconnects() == lost


def test_a_hole_stays_open_while_rest_is_limited_and_is_filled_after(scene, before):
    scene.stack.fault("rest", error="EAPI:Rate limit exceeded")
    scene.stack.fault("hole", symbol=BTC, count=3)
    scene.wait(lambda: scene.metric(f'gaps_open{{pair="{BTC}",source="kraken"}}') == 1, "the open gap")
    scene.wait(lambda: any(line["message"] == "refill paused" for line in scene.producer.lines()), "the back-off")
    assert scene.metric(f'missing_trades{{pair="{BTC}",source="kraken"}}') == 3
    scene.stack.clear_faults()
    scene.complete()
    assert [gap.missing_left for gap in scene.closed(before)] == [0]
    assert scene.metric(f'gaps_open{{pair="{BTC}",source="kraken"}}') == 0


@pytest.mark.parametrize("channel", ["trade", "ticker"])
def test_a_silent_subscription_is_renewed_then_the_socket_replaced(scene, before, channel):
    renewed = f'cryptoviz_producer_resubscribed_total{{channel="{channel}",source="kraken",symbol="{BTC}"}}'

    def renewals():
        """How often this subscription was renewed, and any other, in one reading."""
        samples = scene.stack.samples(scene.stack.kraken_metrics, "cryptoviz_producer_resubscribed_total")
        count = samples.pop(renewed, 0.0)
        return count, sum(samples.values())

    (count, others), lost = renewals(), scene.reconnects("silent_subscription")
    scene.stack.fault("silent", channel=channel, symbol=BTC)
    scene.wait(lambda: scene.reconnects("silent_subscription") > lost, "the replaced socket")
    again, of_others = renewals()
    assert again > count
    assert of_others == others, "no other subscription is touched"
    scene.stack.clear_faults()
    tickers = len([t for t in messages(scene.stack, RAWTICKER) if t.pair == BTC])
    scene.complete()
    assert all(gap.missing_left == 0 and gap.pair == BTC for gap in scene.closed(before) if gap.cause == "jump")
    scene.wait(lambda: len([t for t in messages(scene.stack, RAWTICKER) if t.pair == BTC]) > tickers + 5, "tickers")


def test_a_rate_limited_subscription_is_retried_and_its_gap_filled(scene, before):
    lost = scene.reconnects("silence")
    scene.stack.fault("message_rate", count=4)
    scene.stack.fault("close", code=1001)
    scene.wait(lambda: scene.reconnects("silence") >= lost + 2, "the second attempt to fail")
    scene.complete()
    found = scene.closed(before)
    assert {gap.pair for gap in found} == set(PAIRS), "it took longer than a snapshot reaches back"
    assert {gap.cause for gap in found} == {"reconnect"}


def test_a_rejected_symbol_recovers_with_its_gap_filled(scene, before):
    rejected = f'subscription_refused{{source="kraken",symbol="{BTC}"}}'
    scene.stack.fault("refuse", symbol=BTC)
    scene.stack.fault("close")
    scene.wait(lambda: scene.metric(rejected) == 1, "the rejection")
    scene.complete(pairs=[pair for pair in PAIRS if pair != BTC])
    scene.stack.clear_faults()
    scene.stack.fault("close")
    scene.wait(lambda: scene.metric(rejected) == 0, "the subscription")
    scene.complete()
    assert all(gap.missing_left == 0 for gap in scene.closed(before))


def test_what_the_venue_has_lost_stays_open_with_exactly_what_is_missing(scene):
    before = scene.complete()
    scene.stack.fault("lost", symbol=BTC, count=4)
    unavailable = "trades the venue does not have"
    scene.wait(lambda: any(line["message"] == unavailable for line in scene.producer.lines()), unavailable)
    (gap,) = [gap for key, gap in scene.gaps().items() if key not in before]
    assert (gap.pair, gap.to_id - gap.from_id + 1, gap.missing_left, gap.closed_at) == (BTC, 4, 4, None)
    assert gap.reported_at > gap.detected_at
    assert scene.complete() == {**before, (BTC, gap.from_id): gap}
    lost = set(range(gap.from_id, gap.to_id + 1))
    assert lost.isdisjoint(ids_of(messages(scene.stack, RAWTRADE), BTC))


def test_what_no_history_has_stays_open_with_what_is_missing(scene):
    """A restarted simulator numbers its trades higher: nothing happened in between, and nothing fills that."""
    known = scene.complete()
    stack = scene.stack
    old = {pair: max(stack.rest_trades(pair)) for pair in PAIRS}
    logged = len(scene.producer.lines())
    stack.simulator.end()
    with stack.start_simulator(60.0):
        absent = "trades the venue does not have"
        scene.wait(
            lambda: {line["pair"] for line in scene.producer.lines()[logged:] if line["message"] == absent} == {*PAIRS},
            absent,
        )
        gaps = {gap.pair: gap for key, gap in scene.gaps().items() if key not in known}
        trades = messages(stack, RAWTRADE)
        for pair in PAIRS:
            gap = gaps[pair]
            filled = [i for i in ids_of(trades, pair) if gap.from_id <= i <= gap.to_id]
            assert (gap.cause, gap.closed_at, gap.from_id >= old[pair]) == ("reconnect", None, True)
            assert gap.missing_left == gap.to_id - gap.from_id + 1 - len(filled) > 0
            assert gap.reported_at > gap.detected_at
        assert {i for i in ids_of(trades, BTC) if i > gaps[BTC].to_id} <= set(stack.rest_trades(BTC))
    assert scene.producer.end() == 0
