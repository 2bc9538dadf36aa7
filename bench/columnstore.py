"""P12: bytes per trade, indexes included, in the columnstore and in the rowstore."""

from bench.claims import Claim, Measurements, Options
from bench.timescale import running_timescaledb

_DAYS = 2
"""A chunk is a day: this many days give it the trades of a busy one."""

_BYTES = """
SELECT (sum(total_bytes) / (SELECT count(*) FROM trade_data))::double precision AS bytes
FROM chunks_detailed_size('trade_data')
"""
_DIGEST = "SELECT md5(string_agg(t::text, '' ORDER BY trade_id)) AS digest FROM trade_data t"


def measure_columnstore(options: Options) -> list[Claim]:
    """P12, before and after compression, after checking that the rows are the same."""
    with running_timescaledb(options.rows, _DAYS) as (execute, where):
        ((by_row,),) = (row.values() for row in execute(_BYTES))
        before = execute(_DIGEST)
        execute("SELECT compress_chunk(chunk) FROM show_chunks('trade_data') chunk")
        ((by_column,),) = (row.values() for row in execute(_BYTES))
        if execute(_DIGEST) != before:
            raise RuntimeError("the trades differ between columnstore and rowstore")
    sides = (
        Measurements(f"columnstore ({where})", (by_column,), "bytes per trade"),
        Measurements("rowstore", (by_row,), "bytes per trade"),
    )
    return [Claim("P12", sides, by_column / by_row, 0.20, 0.08, at_least=False)]
