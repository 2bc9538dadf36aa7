"""R3: the connection is lost during a burst; from the reconnect until every missed trade is published."""

import json
import time
from urllib.request import urlopen

from bench.claims import Claim, Measurements, Options
from bench.process import PROCESS_READY_SECONDS, kraken_environment, running_exchange, running_process
from bench.rig import Rig, running_rig
from contracts.messages import Gap, Trade
from contracts.settings import StackSettings
from contracts.topics import RAWGAP, RAWTRADE
from data_producers.sinks.published import read_tail
from foundation.kafka import client_config
from foundation.ports import HOST, free_ports
from foundation.process import Runtime
from foundation.waiting import wait_until
from tests.testkit.proxy import FaultProxy

_RATE = 200
"""Trades per second over all pairs during the burst: about ten times a busy minute."""
_FLOOR_SECONDS = 5.0
_TARGET_SECONDS = 2.0


def _gaps(bootstrap: str) -> list[Gap]:
    """The latest message about each gap."""
    records, _ = read_tail(client_config(bootstrap), RAWGAP, None, Runtime())
    reports = (Gap.model_validate_json(value) for value, _ in records)
    return list({(gap.pair, gap.from_id): gap for gap in reports}.values())


def history(port: int, pair: str, first: int, last: int) -> set[int]:
    """The trade ids of a pair between `first` and `last` that the exchange has."""
    ids: set[int] = set()
    since = 0
    while not ids or max(ids) < last:
        with urlopen(f"http://{HOST}:{port}/0/public/Trades?pair={pair}&since={since}", timeout=30) as answer:
            result = json.load(answer)["result"]
        since = int(result.pop("last")) - 1
        ids |= {row[6] for row in next(iter(result.values()))}
    return {trade_id for trade_id in ids if first <= trade_id <= last}


def _measure(rig: Rig, seconds: float) -> tuple[float, int]:
    """Seconds from the reconnect until the last gap is closed, and the number of missing trades."""
    exchange, wire, metrics = free_ports(3)
    variables = kraken_environment(exchange, metrics, wire)
    pairs = StackSettings.model_fields["pairs"].default
    with running_exchange(rig, exchange, _RATE), FaultProxy(wire, exchange) as line:
        with running_process(rig, "data_producers.kraken_producer", variables=variables) as producer:
            wait_until(
                lambda: len(trades_in(rig)) > 10 * _RATE,
                PROCESS_READY_SECONDS,
                "trades",
                producer.runs,
            )
            line.refuse()
            time.sleep(seconds)
            line.accept()
            wait_until(
                lambda: len(gaps := _gaps(rig.kafka)) >= len(pairs) and all(gap.closed_at for gap in gaps),
                PROCESS_READY_SECONDS + seconds,
                "closed gaps",
                producer.runs,
            )
        gaps = _gaps(rig.kafka)
        published = trades_in(rig)
        for gap in gaps:
            ids = [trade.trade_id for trade in published if trade.pair == gap.pair]
            missing = history(exchange, gap.pair, gap.from_id, gap.to_id) - set(ids)
            if missing or len(ids) != len(set(ids)):
                raise RuntimeError(f"{gap.pair}: {len(missing)} trades missing, {len(ids) - len(set(ids))} repeated")
    return max(gap.closed_at or 0.0 for gap in gaps) - line.accepted_at, sum(g.to_id - g.from_id + 1 for g in gaps)


def trades_in(rig: Rig) -> list[Trade]:
    """All trades in Kafka, in the order of publication."""
    records, _ = read_tail(client_config(rig.kafka), RAWTRADE, None, Runtime())
    return [Trade.model_validate_json(value) for value, _ in records]


def measure_refill(options: Options) -> list[Claim]:
    """R3, the connection lost for `options.seconds`."""
    with running_rig() as rig:
        seconds, missing = _measure(rig, options.seconds)
    side = Measurements(
        f"{options.seconds} s without a connection, {missing:,} trades missing, all published after",
        (seconds * 1000,),
        "ms",
    )
    return [Claim("R3", [side], seconds, _FLOOR_SECONDS, _TARGET_SECONDS, "s", at_least=False)]
