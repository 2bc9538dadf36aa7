"""P1 and P2: trades from Kafka into the hypertable, exactly once, against `psql \\copy` and against Spark's JDBC."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.claims import Claim, Measurements, Options
from bench.rig import Rig, running_rig
from bench.trades import make_trades, produce, write_csv
from contracts.settings import ROOT
from contracts.tables import LEDGER, TRADE_DATA
from contracts.topics import RAWTRADE
from foundation.kafka import client_config
from foundation.waiting import wait_until
from scripts.embedded.postgres import installation
from spark_jobs.config import raw_job
from spark_jobs.edges.kafka_source import cluster_watermarks
from spark_jobs.edges.query import Batches, new_checkpoint
from spark_jobs.edges.raw_query import RawQuery
from spark_jobs.edges.session import build_session

_JDBC_JARS = ROOT / "bench" / "jars"
_TRADE_SCHEMA = (
    "pair string, price double, volume double, side string, trade_id long, timestamp double, received_at double"
)


def _print_progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _psql_copy(rig: Rig, csv: Path) -> float:
    """Rows per second of `psql \\copy` into the truncated table."""
    rig.execute(f"TRUNCATE {TRADE_DATA.name}")
    columns = ", ".join(TRADE_DATA.written_columns)
    command = [
        *(str(installation() / "bin" / "psql"), rig.owner_url, "-q"),
        *("-c", f"\\copy {TRADE_DATA.name} ({columns}) FROM '{csv}' (FORMAT csv)"),
    ]
    began = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - began
    ((count,),) = rig.execute(f"SELECT count(*) FROM {TRADE_DATA.name}")
    return float(str(count)) / seconds


def _exactly_once(rig: Rig, spark: SparkSession, rows: int) -> float:
    """Rows per second of job 1's query, from its start on a warm session to the commit of the last row."""
    rig.execute(f"TRUNCATE {TRADE_DATA.name}")
    job = raw_job(rig.settings)
    stop = threading.Event()
    batches = Batches(stop)
    folder = new_checkpoint(rig.settings.checkpoints / job.query)
    began = time.perf_counter()
    query = RawQuery(job, rig.settings).start(spark, folder, batches)
    try:
        stored = f"SELECT coalesce(sum(rows), 0) >= {rows} FROM {LEDGER} WHERE checkpoint_id = '{folder.name}'"
        wait_until(lambda: bool(rig.execute(stored)[0][0]), 300, "the last row", lambda: query.isActive)
        seconds = time.perf_counter() - began
    finally:
        stop.set()
        batches.finish()
        query.stop()
    ((count,),) = rig.execute(f"SELECT count(*) FROM {TRADE_DATA.name}")
    if count != rows:
        raise RuntimeError(f"{count} rows stored of {rows}")
    return rows / seconds


def _jdbc(rig: Rig, spark: SparkSession, starts: dict[str, int], rows: int, rewrite: bool) -> float:
    """Rows per second of a plain Spark program: Kafka, from_json, JDBC append into the truncated table."""
    import json

    rig.execute(f"TRUNCATE {TRADE_DATA.name}")
    port = rig.settings.database_port
    url = f"jdbc:postgresql://127.0.0.1:{port}/{rig.settings.database_name}?stringtype=unspecified"
    began = time.perf_counter()
    raw = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", rig.kafka)
        .option("subscribe", RAWTRADE.name)
        .option("startingOffsets", json.dumps({RAWTRADE.name: starts}))
        .load()
    )
    trade = F.from_json(F.col("value").cast("string"), _TRADE_SCHEMA)
    (
        raw.select(trade.alias("t"))
        .select(
            F.timestamp_micros((F.col("t.timestamp") * 1_000_000).cast("long")).alias("timestamp"),
            *("t.pair", "t.price", "t.volume", "t.side", "t.trade_id"),
            F.timestamp_micros((F.col("t.received_at") * 1_000_000).cast("long")).alias("received_at"),
        )
        .write.format("jdbc")
        .option("url", url + ("&reWriteBatchedInserts=true" if rewrite else ""))
        .option("driver", "org.postgresql.Driver")
        .option("dbtable", TRADE_DATA.name)
        .option("user", "cryptoviz_owner")
        .option("password", rig.settings.db_owner_password.get_secret_value())
        .option("batchsize", "1000")
        .mode("append")
        .save()
    )
    seconds = time.perf_counter() - began
    ((count,),) = rig.execute(f"SELECT count(*) FROM {TRADE_DATA.name}")
    if count != rows:
        raise RuntimeError(f"JDBC stored {count} rows of {rows}")
    return rows / seconds


def measure_throughput(options: Options) -> list[Claim]:
    """P1 and P2, the sides interleaved. Every repeat has new trades, so that no side meets duplicates."""
    fetch_driver()
    with running_rig() as rig:
        return _measure(rig, options.wanted, options.rows, options.repeats)


def fetch_driver() -> None:
    """Downloads the JDBC driver for P2 into bench/jars, once."""
    if not any(_JDBC_JARS.glob("*.jar")):
        subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=jars"],
            cwd=ROOT / "bench",
            check=True,
        )


def _measure(rig: Rig, wanted: frozenset[str], rows: int, repeats: int) -> list[Claim]:
    spark = build_session("bench", rig.settings, more_jars=_JDBC_JARS.glob("*.jar"))
    copy: list[float] = []
    ours: list[float] = []
    plain: list[float] = []
    rewritten: list[float] = []
    for repeat in range(repeats + 1):
        first = repeat * rows
        marks = cluster_watermarks(client_config(rig.kafka), [RAWTRADE.name]).watermarks
        produce(rig.kafka, make_trades(rows, first))
        ours.append(_exactly_once(rig, spark, rows))
        csv = rig.folder / "trades.csv"
        write_csv(csv, make_trades(rows, first))
        copy.append(_psql_copy(rig, csv))
        starts = {str(partition): end for (_, partition), (_, end) in marks.items()}
        if "P2" in wanted:
            rewritten.append(_jdbc(rig, spark, starts, rows, rewrite=True))
            plain.append(_jdbc(rig, spark, starts, rows, rewrite=False))
        what = "warm-up" if repeat == 0 else f"repeat {repeat} of {repeats}"
        _print_progress(f"  {what}: exactly-once {ours[-1]:,.0f}, psql copy {copy[-1]:,.0f} rows/s")
    spark.stop()
    mine = Measurements("exactly-once", tuple(ours[1:]), "rows/s")
    base = Measurements("psql \\copy", tuple(copy[1:]), "rows/s")
    claims = [Claim("P1", (mine, base), mine.median / base.median, 0.35, 0.60)]
    if "P2" in wanted:
        slow, fast = (
            Measurements("JDBC append", tuple(plain[1:]), "rows/s"),
            Measurements("JDBC append, reWriteBatchedInserts", tuple(rewritten[1:]), "rows/s"),
        )
        claims.append(Claim("P2", (mine, slow), mine.median / slow.median, 3.0, 8.0))
        claims.append(Claim("P2", (mine, fast), mine.median / fast.median, 1.2, 2.0))
    return claims
