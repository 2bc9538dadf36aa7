"""P11: a month of hourly candles in a continuous aggregate, against the same computed from the trades."""

from bench.claims import Claim, Measurements, Options
from bench.timescale import FIRST_DAY, TRADED_PAIR, Execute, plan_milliseconds, running_timescaledb

_DAYS = 30
_END = "2026-01-31Z"
_RANGE = f"WHERE pair = '{TRADED_PAIR}' AND timestamp >= '{FIRST_DAY}' AND timestamp < '{_END}'"
_AGGREGATED = f"SELECT timestamp, open, high, low, close, volume, trade_count FROM candles_1h {_RANGE}"
_COMPUTED = f"""
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
# The order of a float sum changes its last digit; everything else must be identical.
_DIFFERENT = f"""
SELECT count(*)::integer AS different, (SELECT count(*)::integer FROM ({_AGGREGATED}) k) AS candles
FROM ({_AGGREGATED}) aggregated FULL JOIN ({_COMPUTED}) computed USING (timestamp)
WHERE (aggregated.open, aggregated.high, aggregated.low, aggregated.close, aggregated.trade_count)
    IS DISTINCT FROM (computed.open, computed.high, computed.low, computed.close, computed.trade_count)
    OR abs(aggregated.volume - computed.volume) > 1e-9 * computed.volume
"""


def measure_candles(options: Options) -> list[Claim]:
    """P11, alternating on one server, after checking that both answers are equal."""
    with running_timescaledb(options.rows, _DAYS) as (execute, where):
        for view in ("candles_1m", "candles_5m", "candles_1h"):
            execute(f"CALL refresh_continuous_aggregate('{view}', '{FIRST_DAY}', '{_END}')")
        _check(execute)
        aggregated: list[float] = []
        computed: list[float] = []
        for _ in range(options.repeats + 1):
            aggregated.append(plan_milliseconds(execute, _AGGREGATED))
            computed.append(plan_milliseconds(execute, _COMPUTED))
    sides = (
        Measurements(f"a month of 1 h candles from the trades ({where})", tuple(computed[1:]), "ms"),
        Measurements("from the aggregate", tuple(aggregated[1:]), "ms"),
    )
    return [Claim("P11", sides, sides[0].median / sides[1].median, 20, 100)]


def _check(execute: Execute) -> None:
    (row,) = execute(_DIFFERENT)
    if row != {"different": 0, "candles": _DAYS * 24}:
        raise RuntimeError(f"the aggregate differs from the trades: {row}")
