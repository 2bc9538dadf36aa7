"""P12: bytes a trade with its indexes, kept by column and kept by row."""

from bench.claims import Claim, Figures, Options
from bench.timescale import running_timescaledb

DAYS = 2
"""So that a chunk, which is a day, holds as many trades as a busy day brings."""

_BYTES = """
SELECT (sum(total_bytes) / (SELECT count(*) FROM trade_data))::double precision AS bytes
FROM chunks_detailed_size('trade_data')
"""
_DIGEST = "SELECT md5(string_agg(t::text, '' ORDER BY trade_id)) AS digest FROM trade_data t"


def measure(options: Options) -> list[Claim]:
    """P12, before and after the columnstore policy's own work, once the rows were found to be the same."""
    with running_timescaledb(options.rows, DAYS) as (execute, where):
        ((by_row,),) = (row.values() for row in execute(_BYTES))
        before = execute(_DIGEST)
        execute("SELECT compress_chunk(chunk) FROM show_chunks('trade_data') chunk")
        ((by_column,),) = (row.values() for row in execute(_BYTES))
        if execute(_DIGEST) != before:
            raise RuntimeError("the trades are not the same by column as by row")
    sides = (
        Figures(f"columnstore ({where})", (by_column,), "bytes a trade"),
        Figures("rowstore", (by_row,), "bytes a trade"),
    )
    return [Claim("P12", sides, by_column / by_row, 0.20, 0.08, at_least=False)]
