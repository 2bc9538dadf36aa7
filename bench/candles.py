"""P11: a month of hourly candles as TimescaleDB keeps them, against the same worked out from the trades."""

from bench.claims import Claim, Figures, Options
from bench.timescale import PAIR, START, Execute, plan_milliseconds, running_timescaledb

DAYS = 30
_END = "2026-01-31Z"
_RANGE = f"WHERE pair = '{PAIR}' AND timestamp >= '{START}' AND timestamp < '{_END}'"
_KEPT = f"SELECT timestamp, open, high, low, close, volume, trade_count FROM candles_1h {_RANGE}"
_WORKED_OUT = f"""
SELECT
    time_bucket(INTERVAL '1 hour', timestamp) AS timestamp,
    (array_agg(price ORDER BY timestamp, trade_id))[1] AS open,
    max(price) AS high,
    min(price) AS low,
    (array_agg(price ORDER BY timestamp DESC, trade_id DESC))[1] AS close,
    sum(volume) AS volume,
    count(*) AS trade_count
FROM trade_data {_RANGE}
GROUP BY 1
"""
# Sums of floats depend on their order in the last digit; all else is equal to the bit.
_DIFFERENT = f"""
SELECT count(*)::integer AS different, (SELECT count(*)::integer FROM ({_KEPT}) k) AS candles
FROM ({_KEPT}) kept FULL JOIN ({_WORKED_OUT}) made USING (timestamp)
WHERE (kept.open, kept.high, kept.low, kept.close, kept.trade_count)
    IS DISTINCT FROM (made.open, made.high, made.low, made.close, made.trade_count)
    OR abs(kept.volume - made.volume) > 1e-9 * made.volume
"""


def measure(options: Options) -> list[Claim]:
    """P11, in turns on one server, once both answers were found equal."""
    with running_timescaledb(options.rows, DAYS) as (execute, where):
        for view in ("candles_1m", "candles_5m", "candles_1h"):
            execute(f"CALL refresh_continuous_aggregate('{view}', '{START}', '{_END}')")
        _check(execute)
        kept: list[float] = []
        made: list[float] = []
        for _ in range(options.repeats + 1):
            kept.append(plan_milliseconds(execute, _KEPT))
            made.append(plan_milliseconds(execute, _WORKED_OUT))
    sides = (
        Figures(f"a month of 1 h candles from the trades ({where})", tuple(made[1:]), "ms"),
        Figures("from the aggregate", tuple(kept[1:]), "ms"),
    )
    return [Claim("P11", sides, sides[0].median / sides[1].median, 20, 100)]


def _check(execute: Execute) -> None:
    (row,) = execute(_DIFFERENT)
    if row != {"different": 0, "candles": DAYS * 24}:
        raise RuntimeError(f"the candles kept are not those of the trades: {row}")
