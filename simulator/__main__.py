"""`python -m simulator`: serves the simulated venues and newsrooms until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

from contracts.assets import UnknownAsset, canonical
from contracts.settings import SimulatorSettings, load_settings
from foundation.logs import configure_logging
from simulator.recording import BadRecording
from simulator.server import NEWS_SECONDS, SimulationPlan, serve

_EPILOG = """\
Point the producers here:
  CRYPTOVIZ_KRAKEN_WS_URL=ws://127.0.0.1:8765/v2
  CRYPTOVIZ_KRAKEN_REST_URL=http://127.0.0.1:8765
  CRYPTOVIZ_BINANCE_URL=http://127.0.0.1:8765
  CRYPTOVIZ_COINGECKO_URL=http://127.0.0.1:8765
  CRYPTOVIZ_FEED_URLS=http://127.0.0.1:8765/feeds/coindesk/rss,http://127.0.0.1:8765/feeds/decrypt/rss
  CRYPTOVIZ_FEED_PRIVATE_HOSTS=127.0.0.1:8765
List all addresses: curl http://127.0.0.1:8765/
List all faults:    curl http://127.0.0.1:8765/faults

Defaults come from CRYPTOVIZ_SIMULATOR_*, CRYPTOVIZ_PAIRS and CRYPTOVIZ_METRICS_HOST. See doc/09-simulator.md.
"""


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _pairs(text: str) -> tuple[str, ...]:
    try:
        names = tuple(dict.fromkeys(canonical(name) for name in text.split(",") if name.strip()))
    except UnknownAsset as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not names or not all("/" in name for name in names):
        raise argparse.ArgumentTypeError("not a list of pairs such as BTC/USD,ETH/USD")
    return names


def parse_arguments(arguments: Sequence[str] | None = None) -> tuple[SimulationPlan, str, int]:
    """The plan, host and port of a command line; the settings are the defaults."""
    config = load_settings(SimulatorSettings)
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Venues (Kraken WebSocket v2 and REST, Binance, CoinGecko) and five newsrooms (RSS) on one port.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default=config.metrics_host, help=f"address to listen on; default {config.metrics_host}")
    add("--port", type=int, default=config.simulator_port, help=f"default {config.simulator_port}")
    add("--pairs", type=_pairs, default=config.pairs, help=f"comma-separated; default {','.join(config.pairs)}")
    add(
        "--seed",
        type=int,
        default=config.simulator_seed,
        help=f"seed of the random market; the same seed gives the same market; default {config.simulator_seed}",
    )
    add(
        "--rate",
        type=_positive,
        default=config.simulator_rate,
        help=f"trades per second over all pairs; default {config.simulator_rate}",
    )
    add(
        "--recording",
        type=Path,
        default=config.simulator_recording,
        help="replay this JSONL file of Kraken v2 frames instead of a random market",
    )
    add(
        "--speed",
        type=_positive,
        default=config.simulator_speed,
        help=f"speed factor of the replay; default {config.simulator_speed}",
    )
    add(
        "--news-seconds",
        type=_positive,
        default=NEWS_SECONDS,
        help=f"mean seconds between stories; default {NEWS_SECONDS}",
    )
    add("--events", type=_count, metavar="N", help="end the market after N trades per pair, but keep serving")
    add(
        "--first-trade-id",
        type=_count,
        help="first trade id of each pair; default: from the clock, so that restarts use new ids",
    )
    chosen = parser.parse_args(arguments)
    if chosen.recording is not None and not chosen.recording.is_file():
        parser.error(f"no file at {chosen.recording}")
    plan = SimulationPlan(
        pairs=chosen.pairs,
        seed=chosen.seed,
        rate=chosen.rate,
        recording=chosen.recording,
        speed=chosen.speed,
        news_seconds=chosen.news_seconds,
        first_trade_id=chosen.first_trade_id,
        trades_per_pair=chosen.events,
    )
    return plan, chosen.host, chosen.port


async def run_simulator(plan: SimulationPlan, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT. Exits with an error line if the address or the recording is unusable."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    try:
        await serve(plan, host, port, stop)
    except BadRecording as error:
        raise SystemExit(f"simulator: {plan.recording}: {error}") from None
    except OSError as error:
        raise SystemExit(f"simulator: cannot listen on {host}:{port}: {error.strerror}") from None


def main() -> None:
    """Entry point of `python -m simulator`."""
    plan, host, port = parse_arguments()
    configure_logging("simulator", load_settings(SimulatorSettings).log_level)
    asyncio.run(run_simulator(plan, host, port))


if __name__ == "__main__":
    main()
