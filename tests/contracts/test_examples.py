"""The example messages: valid ones are parsed without loss, invalid ones are rejected."""

import json
from pathlib import Path

import pytest

from contracts.messages import InvalidMessage, parse_message
from contracts.topics import TOPIC_BY_NAME, TOPICS

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
RECORDED_AT = 1790358600.0
"""Timestamp of the examples' Kafka records: 90 seconds after their events."""


def examples(kind: str) -> list[Path]:
    return sorted(EXAMPLES.glob(f"*/{kind}/*.json"))


def read(path: Path):
    return parse_message(TOPIC_BY_NAME[path.parts[-3]].message, path.read_bytes(), RECORDED_AT)


def name(path: Path) -> str:
    return f"{path.parts[-3]}-{path.stem}"


def problems(folder: Path) -> list[str]:
    """The problems of a folder of examples: unknown names, too few examples, misplaced examples."""
    found = []
    for unknown in sorted({path.name for path in folder.iterdir()} - set(TOPIC_BY_NAME)):
        found.append(f"{unknown}: no such topic")
    for topic in TOPICS:
        kinds = {path.name for path in (folder / topic.name).iterdir()} if (folder / topic.name).is_dir() else set()
        found += [f"{topic.name}/{unknown}: neither valid nor invalid" for unknown in sorted(kinds - KINDS)]
        for kind in sorted(KINDS):
            files = sorted((folder / topic.name / kind).glob("*")) if kind in kinds else []
            if len(files) < 2:
                found.append(f"{topic.name}/{kind}: fewer than two examples")
            for file in files:
                if file.suffix != ".json":
                    found.append(f"{topic.name}/{kind}/{file.name}: not a .json file")
                    continue
                try:
                    read(file)
                except InvalidMessage as reason:
                    if kind == "valid":
                        found.append(f"{topic.name}/{kind}/{file.name}: {reason}")
                else:
                    if kind == "invalid":
                        found.append(f"{topic.name}/{kind}/{file.name}: readable")
    return found


KINDS = {"valid", "invalid"}


def test_every_topic_has_examples_and_every_example_a_topic():
    assert problems(EXAMPLES) == []


@pytest.mark.parametrize("path", examples("valid"), ids=name)
def test_valid_example_keeps_its_content(path):
    message = read(path)
    again = parse_message(type(message), message.to_json(), RECORDED_AT)
    assert again == message
    original, kept = json.loads(path.read_bytes()), json.loads(message.to_json())
    assert set(original) - set(kept) <= {"vwap", "ord_type"}, "only fields added by venues are ignored"
    for field in set(original) & set(kept):
        inside = isinstance(original[field], dict)
        assert original[field] == ({name: kept[field][name] for name in original[field]} if inside else kept[field]), (
            field
        )


@pytest.mark.parametrize("path", examples("invalid"), ids=name)
def test_invalid_example_is_rejected_with_a_reason(path):
    with pytest.raises(InvalidMessage) as error:
        read(path)
    assert 5 < len(str(error.value)) <= 500


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_record_key_is_a_field_of_the_message(topic):
    assert topic.key in topic.message.model_fields


@pytest.fixture
def copied(tmp_path):
    for path in EXAMPLES.glob("*/*/*.json"):
        copy = tmp_path / path.relative_to(EXAMPLES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return tmp_path


def test_checker_accepts_a_copy(copied):
    assert problems(copied) == []


def test_checker_reports_a_folder_without_topic(copied):
    (copied / "rawtickers" / "valid").mkdir(parents=True)
    assert problems(copied) == ["rawtickers: no such topic"]


def test_checker_reports_a_third_kind(copied):
    (copied / "rawtrade" / "maybe").mkdir()
    assert problems(copied) == ["rawtrade/maybe: neither valid nor invalid"]


def test_checker_reports_a_missing_topic(copied):
    for path in (copied / "deadletter" / "valid").iterdir():
        path.unlink()
    assert problems(copied) == ["deadletter/valid: fewer than two examples"]


def test_checker_reports_an_invalid_example_among_the_valid(copied):
    (copied / "rawalert" / "valid" / "bad.json").write_text('{"pair": "BTC/USD"}')
    assert problems(copied) == ["rawalert/valid/bad.json: last_price: Field required (and 4 more)"]


def test_checker_reports_a_valid_example_among_the_invalid(copied):
    source = copied / "rawticker" / "valid" / "full.json"
    (copied / "rawticker" / "invalid" / "fine.json").write_bytes(source.read_bytes())
    assert problems(copied) == ["rawticker/invalid/fine.json: readable"]


def test_checker_reports_a_file_that_is_not_json(copied):
    (copied / "rawtrade" / "invalid" / "notes.txt").write_text("x")
    assert problems(copied) == ["rawtrade/invalid/notes.txt: not a .json file"]
