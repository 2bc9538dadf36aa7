"""The simulated exchange and newsrooms."""

from pathlib import Path

from pydantic import Field, PositiveFloat

from contracts.settings.base import Port, Section


class SimulatorSection(Section):
    """The simulated market, or the recording it replays."""

    simulator_port: Port = Field(8765, description="Port of the simulated exchange and newsrooms")
    simulator_seed: int = Field(7, description="Seed of the simulated market")
    simulator_rate: PositiveFloat = Field(20.0, description="Simulated trades per second over all pairs")
    simulator_recording: Path | None = Field(None, description="A JSONL recording to replay; empty: a synthetic market")
    simulator_speed: PositiveFloat = Field(1.0, le=100, description="Replay speed of a recording")
