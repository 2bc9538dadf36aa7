"""What every registered model keeps to."""

from contracts.rules import SLIDE_SECONDS
from contracts.settings import ROOT
from forecasting.registry import MODELS


def test_each_file_of_models_is_registered():
    files = [path for path in (ROOT / "forecasting" / "models").glob("*.py") if path.stem != "__init__"]
    assert {model.name for model in MODELS} == {path.stem for path in files}


def test_name_and_horizon_are_unique_together():
    keys = [(model.name, model.horizon_seconds) for model in MODELS]
    assert len(set(keys)) == len(keys)


def test_a_window_ends_at_every_target():
    assert [model.name for model in MODELS if model.horizon_seconds % SLIDE_SECONDS or not model.version] == []
