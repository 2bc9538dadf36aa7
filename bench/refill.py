"""R3: the market is cut off in the middle of a burst; from the reconnect until every trade missed is back."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.request import urlopen

from bench.claims import Claim, Figures, Options
from bench.process import READY_SECONDS, kraken_told, running_exchange, running_process
from bench.rig import Rig, running_rig
from contracts.messages import Gap, Trade
from contracts.settings import StackSettings
from contracts.topics import RAWGAP, RAWTRADE
from data_producers.sinks.published import read_tail
from foundation.ports import HOST, free_ports
from foundation.process import Runtime
from foundation.waiting import wait_until

RATE = 200
"""Trades a second during the burst, all pairs together: some ten times a busy minute's."""
FLOOR_SECONDS = 5.0
TARGET_SECONDS = 2.0
CHUNK_BYTES = 65_536


class Line:
    """A stretch of wire to the exchange that can be cut and mended."""

    def __init__(self, port: int, to_port: int) -> None:
        self._to = (HOST, to_port)
        self._whole = threading.Event()
        self._whole.set()
        self._ends: list[socket.socket] = []
        self.mended_at = 0.0
        self._listener = socket.create_server((HOST, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self, seconds: float) -> None:
        """Breaks every connection, and each new one for so long."""
        self._whole.clear()
        self.mended_at = 0.0
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._ends.clear()
        time.sleep(seconds)
        self._whole.set()

    def close(self) -> None:
        """Serves no more."""
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._whole.is_set():
                    near.close()
                    continue
                self.mended_at = self.mended_at or time.time()
                far = socket.create_connection(self._to)
                self._ends += (near, far)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def _line(port: int, to_port: int) -> Iterator[Line]:
    line = Line(port, to_port)
    try:
        yield line
    finally:
        line.close()


def _gaps(bootstrap: str) -> list[Gap]:
    """The newest report of each gap."""
    records, _ = read_tail(bootstrap, RAWGAP, None, Runtime())
    reports = (Gap.model_validate_json(value) for value, _ in records)
    return list({(gap.pair, gap.from_id): gap for gap in reports}.values())


def history(port: int, pair: str, first: int, last: int) -> set[int]:
    """The ids from `first` to `last` that the exchange has of a pair."""
    ids: set[int] = set()
    since = 0
    while not ids or max(ids) < last:
        with urlopen(f"http://{HOST}:{port}/0/public/Trades?pair={pair}&since={since}", timeout=30) as answer:
            result = json.load(answer)["result"]
        since = int(result.pop("last")) - 1
        ids |= {row[6] for row in next(iter(result.values()))}
    return {trade_id for trade_id in ids if first <= trade_id <= last}


def _measure(rig: Rig, seconds: float) -> tuple[float, int]:
    """Seconds from the reconnect until the last missing trade was sent, and how many trades were missing."""
    exchange, wire, metrics = free_ports(3)
    told = kraken_told(exchange, metrics, wire)
    pairs = StackSettings.model_fields["pairs"].default
    with running_exchange(rig, exchange, RATE), _line(wire, exchange) as line:
        with running_process(rig, "data_producers.kraken_producer", told=told) as producer:
            wait_until(
                lambda: len(trades_in(rig)) > 10 * RATE, READY_SECONDS, "trades", lambda: producer.poll() is None
            )
            line.cut(seconds)
            wait_until(
                lambda: len(gaps := _gaps(rig.kafka)) >= len(pairs) and all(gap.closed_at for gap in gaps),
                READY_SECONDS + seconds,
                "closed gaps",
                lambda: producer.poll() is None,
            )
        gaps = _gaps(rig.kafka)
        published = trades_in(rig)
        for gap in gaps:
            ids = [trade.trade_id for trade in published if trade.pair == gap.pair]
            missing = history(exchange, gap.pair, gap.from_id, gap.to_id) - set(ids)
            if missing or len(ids) != len(set(ids)):
                raise RuntimeError(f"{gap.pair}: {len(missing)} trades missing, {len(ids) - len(set(ids))} repeated")
    return max(gap.closed_at or 0.0 for gap in gaps) - line.mended_at, sum(g.to_id - g.from_id + 1 for g in gaps)


def trades_in(rig: Rig) -> list[Trade]:
    """All trades in Kafka, in the order they were sent."""
    records, _ = read_tail(rig.kafka, RAWTRADE, None, Runtime())
    return [Trade.model_validate_json(value) for value, _ in records]


def measure(options: Options) -> list[Claim]:
    """R3, the market cut off for `seconds`."""
    with running_rig() as rig:
        seconds, missing = _measure(rig, options.seconds)
    side = Figures(f"{options.seconds} s cut off, {missing:,} trades missing, all back after", (seconds * 1000,), "ms")
    return [Claim("R3", [side], seconds, FLOOR_SECONDS, TARGET_SECONDS, "s", at_least=False)]
