import asyncio
import socket
from dataclasses import replace

import pytest

from simulator.__main__ import parse_arguments, run_simulator
from simulator.server import SimulationPlan


def test_options_make_a_plan(tmp_path):
    recording = tmp_path / "frames.jsonl"
    recording.write_text("")
    market = "--pairs XBT/USD,eth-usd --seed 3 --rate 1000 --events 10 --news-seconds 2 --first-trade-id 5 --speed 4"
    plan, host, port = parse_arguments([*market.split(), "--port", "1234", "--recording", str(recording)])
    assert plan == SimulationPlan(
        pairs=("BTC/USD", "ETH/USD"),
        seed=3,
        rate=1000.0,
        recording=recording,
        speed=4.0,
        news_seconds=2.0,
        first_trade_id=5,
        trades_per_pair=10,
    )
    assert (host, port) == ("127.0.0.1", 1234)


def test_help_describes_setup_and_faults(capsys):
    with pytest.raises(SystemExit, match="0"):
        parse_arguments(["--help"])
    text = capsys.readouterr().out
    assert "CRYPTOVIZ_KRAKEN_WS_URL=ws://127.0.0.1:8765/v2" in text
    assert "/faults" in text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--pairs", "NOPE/USD"], "unknown asset or pair 'NOPE/USD'"),
        (["--pairs", "BTC"], "not a list of pairs"),
        (["--rate", "0"], "--rate"),
        (["--events", "-1"], "--events"),
        (["--recording", "/nowhere/at/all"], "no file at /nowhere/at/all"),
    ],
)
def test_invalid_options_are_rejected_with_a_reason(arguments, reason, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse_arguments(arguments)
    assert reason in capsys.readouterr().err


def test_a_taken_port_and_a_bad_recording_exit_with_one_line(tmp_path):
    plan, host, _ = parse_arguments([])
    recording = tmp_path / "frames.jsonl"
    recording.write_text("{\n")
    with pytest.raises(SystemExit, match=r"frames\.jsonl: line 1 is not JSON"):
        asyncio.run(run_simulator(replace(plan, recording=recording), host, 1))
    with socket.socket() as taken:
        taken.bind((host, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit, match=f"cannot listen on {host}:{port}"):
            asyncio.run(run_simulator(plan, host, port))
