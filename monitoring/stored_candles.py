"""Our one-minute candles in the database, with the gaps that explain differences from the venue's."""

from dataclasses import dataclass
from typing import Any

from psycopg2.extensions import connection as Connection

from monitoring.candles import MINUTE_SECONDS, MinuteCandle, TimeRange

_MATERIALIZED = "EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"
"""Whether the server materializes candles. If not, it computes them from all trades of a pair to show one minute."""

_OF_CANDLES = """
SELECT extract(epoch FROM candle.timestamp)::bigint, open, high, low, close, vwap, volume, trade_count
FROM candles_1m candle
CROSS JOIN LATERAL (
    SELECT sum(price * trade.volume) / sum(trade.volume) AS vwap
    FROM trade_data trade
    WHERE trade.pair = candle.pair
        AND trade.timestamp >= candle.timestamp
        AND trade.timestamp < candle.timestamp + INTERVAL '1 minute'
) average
WHERE candle.pair = %(pair)s
    AND candle.timestamp >= to_timestamp(%(since)s)
    AND candle.timestamp < to_timestamp(%(until)s)
"""

_OF_TRADES = """
SELECT
    extract(epoch FROM date_trunc('minute', timestamp))::bigint,
    (array_agg(price ORDER BY timestamp, trade_id))[1],
    max(price),
    min(price),
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1],
    sum(price * volume) / sum(volume),
    sum(volume),
    count(*)
FROM trade_data
WHERE pair = %(pair)s AND timestamp >= to_timestamp(%(since)s) AND timestamp < to_timestamp(%(until)s)
GROUP BY 1
"""

# A gap reported again while still open is one that the venue's history does not fill.
_GAPS = """
SELECT
    extract(epoch FROM timestamp)::double precision,
    extract(epoch FROM to_time)::double precision,
    reported_at > detected_at
FROM gap_data
WHERE pair = %(pair)s AND closed_at IS NULL AND to_time >= to_timestamp(%(since)s)
"""

_FIRST = "SELECT extract(epoch FROM min(timestamp))::double precision FROM trade_data WHERE pair = %(pair)s"


@dataclass(frozen=True, slots=True)
class StoredCandles:
    """The candles of a pair by start, its open gaps, and the time from which they can be compared."""

    candles: dict[int, MinuteCandle]
    gaps: tuple[TimeRange, ...]
    since: float


def read_stored(connection: Connection, pair: str, since: float, until: float) -> StoredCandles:
    """The pair's candles in [since, until). Raises psycopg2's errors.

    The minute of the first stored trade, which may be incomplete, and everything before a gap that the venue's history
    does not fill are not compared: the venue may have built those candles from other trades.
    """
    parameters = {"pair": pair, "since": since, "until": until}
    with connection, connection.cursor() as cursor:
        cursor.execute(_FIRST, parameters)
        (first,) = cursor.fetchone() or (None,)
        cursor.execute(_GAPS, parameters)
        gaps = cursor.fetchall()
        cursor.execute(f"SELECT {_MATERIALIZED}")
        (materialized,) = cursor.fetchone() or (False,)
        cursor.execute(_OF_CANDLES if materialized else _OF_TRADES, parameters)
        candles = {int(row[0]): _candle(row) for row in cursor.fetchall()}
    begin = until if first is None else (first // MINUTE_SECONDS + 1) * MINUTE_SECONDS
    begin = max([begin, *(start for start, _, permanent in gaps if permanent)])
    return StoredCandles(candles, tuple((start, end) for start, end, _ in gaps), begin)


def _candle(row: tuple[Any, ...]) -> MinuteCandle:
    begin, first, high, low, last, vwap, volume, count = row
    return MinuteCandle(begin=begin, open=first, high=high, low=low, close=last, vwap=vwap, volume=volume, count=count)
