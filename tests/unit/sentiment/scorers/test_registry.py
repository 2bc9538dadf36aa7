from typing import get_args

import pytest

from contracts.settings import StackSettings
from sentiment.scorers.model_file import ModelMissing
from sentiment.scorers.registry import SCORERS


def test_every_scorer_of_the_settings_exists_and_no_other():
    assert set(SCORERS) == set(get_args(StackSettings.model_fields["scorer"].annotation))


@pytest.mark.parametrize("name", ["lexicon", "textblob"])
def test_scorer_is_registered_under_its_name(name, tmp_path):
    assert SCORERS[name](tmp_path / "none").name == name


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_trained_without_a_model_ends_the_process_and_reports_how_to_make_one(tmp_path, content):
    file = tmp_path / "scorer.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelMissing, match=r"python -m sentiment\.lab\.train"):
        SCORERS["trained"](file)
