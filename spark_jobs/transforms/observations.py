"""Decoded table rows to observations, the numbers that windows aggregate. Pure."""

import pyarrow as pa
import pyarrow.compute as pc

from contracts.rules import REFERENCE_QUOTE
from contracts.topics import RAWARTICLE, RAWTICKER
from spark_jobs.schemas import TIMESTAMP

ARROW_OBSERVATION = pa.schema(
    [
        ("symbol", pa.string()),
        ("event_at", TIMESTAMP),
        ("order_key", TIMESTAMP),
        ("value", pa.float64()),
        ("votes", pa.int32()),
        ("weight", pa.float64()),
    ]
)


def price_observations(tickers: pa.Table) -> pa.Table:
    """The last price of every ticker quoted in the reference currency, at its event time."""
    suffix = f"/{REFERENCE_QUOTE}"
    quoted = tickers.filter(pc.ends_with(tickers["pair"], suffix))
    symbols = pc.utf8_slice_codeunits(quoted["pair"], 0, -len(suffix))
    votes = pa.repeat(pa.scalar(1, pa.int32()), quoted.num_rows)
    columns = [symbols, quoted["timestamp"], quoted["received_at"], quoted["last"], votes, votes.cast(pa.float64())]
    return pa.table(columns, schema=ARROW_OBSERVATION)


def sentiment_observations(articles: pa.Table) -> pa.Table:
    """The score of every article for each coin it mentions, at its time of collection (no look-ahead).

    Only first versions count: an edited article has voted already. The first article of a story votes, with its
    confidence as the weight; each message identifies that article, so any replay counts the same.
    """
    articles = articles.filter(pc.equal(articles["revision"], 1))
    coins = [literal.strip("{}").split(",") if literal != "{}" else [] for literal in _texts(articles)]
    rows = pa.array([row for row, mentioned in enumerate(coins) for _ in mentioned], pa.int64())
    symbols = pa.array([coin for mentioned in coins for coin in mentioned], pa.string())
    repeated = articles.take(rows)
    collected = repeated["collected_at"]
    votes = pc.equal(repeated["story_id"], repeated["article_id"])
    weights = pc.multiply(repeated["confidence"], votes.cast(pa.float64()))
    columns = [symbols, collected, collected, repeated["sentiment_score"], votes.cast(pa.int32()), weights]
    return pa.table(columns, schema=ARROW_OBSERVATION)


def _texts(articles: pa.Table) -> list[str]:
    texts: list[str] = articles["cryptocurrencies_mentioned"].to_pylist()
    return texts


OBSERVATIONS_OF = {RAWTICKER.name: price_observations, RAWARTICLE.name: sentiment_observations}
