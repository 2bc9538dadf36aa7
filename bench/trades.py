"""Seeded trades, written to Kafka as the producer does, and as CSV for psql."""

import random
from collections.abc import Iterator
from pathlib import Path

from confluent_kafka import Producer

from contracts.messages import Trade
from contracts.topics import PRODUCER_CONFIG, RAWTRADE

_PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD")
_START = 1_763_700_000.0


def make_trades(count: int, first_id: int, seed: int = 7) -> Iterator[Trade]:
    """`count` trades a millisecond apart, ids from `first_id`, spread over four pairs. Same seed, same trades."""
    chance = random.Random(seed)
    for number in range(first_id, first_id + count):
        at = _START + number / 1000
        yield Trade(
            pair=_PAIRS[number % len(_PAIRS)],
            price=round(84_000 * chance.uniform(0.9, 1.1), 1),
            volume=round(chance.uniform(0.0001, 2), 8),
            side=chance.choice(("buy", "sell")),
            trade_id=number,
            timestamp=at,
            received_at=at + 0.05,
        )


def produce(bootstrap_servers: str, trades: Iterator[Trade]) -> int:
    """Produces the trades. Blocks until the broker has acknowledged all; returns their number."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "log_level": 2,
            **PRODUCER_CONFIG,
            "queue.buffering.max.messages": 10**6,
        }
    )
    count = 0
    for trade in trades:
        producer.produce(RAWTRADE.name, key=trade.pair, value=trade.to_json())
        count += 1
        if count % 10_000 == 0:
            producer.poll(0)
            while len(producer) > 500_000:
                producer.poll(0.1)
    if producer.flush(60):
        raise RuntimeError("the broker did not acknowledge every trade within a minute")
    return count


def write_csv(path: Path, trades: Iterator[Trade]) -> None:
    """Writes the columns of psql's `\\copy`: timestamp, pair, price, volume, side, trade_id, received_at."""
    from datetime import UTC, datetime

    with path.open("w") as out:
        for t in trades:
            at, received = (datetime.fromtimestamp(s, UTC).isoformat() for s in (t.timestamp, t.received_at))
            out.write(f"{at},{t.pair},{t.price},{t.volume},{t.side},{t.trade_id},{received}\n")
