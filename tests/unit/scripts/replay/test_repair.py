import base64
import json

import pytest

from contracts.messages import DeadLetter, InvalidMessage, Trade, parse_message
from contracts.topics import RAWARTICLE, RAWTICKER, RAWTRADE
from scripts.replay.client import MAX_SPAN_GAP, offset_spans
from scripts.replay.repair import (
    CannotRepair,
    Original,
    RecordId,
    Repaired,
    StillUnreadable,
    export_line,
    original_in,
    parse_export,
    render_reasons,
    repair_message,
    replaced_by,
    unchanged,
    with_fields,
)
from tests.testkit.poison import ARTICLE, NOW, TRADE, poisons


def original_of(value, topic=RAWTRADE.name, offset=7):
    raw = base64.b64encode(value).decode()
    dead_letter = DeadLetter(
        topic=topic, partition=1, offset=offset, reason="r", raw=raw, raw_bytes=len(value), at=NOW + 2.0
    )
    return Original(dead_letter, value, NOW)


WRONG_SIDE = json.dumps(TRADE | {"side": "hold"}).encode()


def test_a_message_the_contract_reads_by_now_is_mended_as_it_is():
    verdict = repair_message(original_of(json.dumps(TRADE).encode()), unchanged)
    assert verdict == Repaired(RecordId(RAWTRADE.name, 1, 7), Trade(**TRADE))
    assert verdict.key() == b"ETH/USD"


def test_a_message_is_judged_by_its_own_records_time():
    late = json.dumps(TRADE | {"timestamp": NOW + 61}).encode()
    verdict = repair_message(original_of(late), unchanged)
    assert verdict == StillUnreadable(
        RecordId(RAWTRADE.name, 1, 7), "time 1763700061.000 lies 61 s ahead of its record"
    )


@pytest.mark.parametrize("poison", poisons(), ids=lambda poison: f"{poison.topic}-{poison.kind}")
def test_poison_stays_unreadable_for_its_own_reason(poison):
    verdict = repair_message(original_of(poison.value or b"", poison.topic), unchanged)
    assert isinstance(verdict, StillUnreadable)
    assert poison.reason in verdict.reason


def test_fields_are_set_before_the_verdict():
    assert repair_message(original_of(WRONG_SIDE), with_fields({"side": "sell"})) == Repaired(
        RecordId(RAWTRADE.name, 1, 7), Trade(**(TRADE | {"side": "sell"}))
    )


def test_a_field_inside_an_object_is_set():
    spoilt = json.dumps(ARTICLE | {"sentiment": ARTICLE["sentiment"] | {"score": 7}}).encode()
    verdict = repair_message(original_of(spoilt, RAWARTICLE.name), with_fields({"sentiment.score": 0.5}))
    assert verdict.message.sentiment.score == 0.5
    assert verdict.message.sentiment.confidence == ARTICLE["sentiment"]["confidence"]


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (b"{", "side", "not JSON, so no field can be set"),
        (b"[]", "side", "no object"),
        (WRONG_SIDE, "side.x", "no object"),
    ],
)
def test_a_field_that_cannot_be_set_is_a_reason(value, field, reason):
    verdict = repair_message(original_of(value), with_fields({field: "sell"}))
    assert reason in verdict.reason


def test_a_file_gives_back_what_was_exported_and_mended():
    exported = json.loads(export_line(original_of(WRONG_SIDE)))
    exported["message"]["side"] = "buy"
    repaired = parse_export([json.dumps(exported), "", "\n"])
    assert repair_message(original_of(WRONG_SIDE), replaced_by(repaired)) == Repaired(
        RecordId(RAWTRADE.name, 1, 7), Trade(**(TRADE | {"side": "buy"}))
    )
    assert repair_message(original_of(WRONG_SIDE, offset=8), replaced_by(repaired)).reason == "not in the file"


@pytest.mark.parametrize("poison", poisons(), ids=lambda poison: f"{poison.topic}-{poison.kind}")
def test_an_exported_poison_given_back_unmended_stays_unreadable(poison):
    original = original_of(poison.value or b"", poison.topic)
    assert isinstance(repair_message(original, replaced_by(parse_export([export_line(original)]))), StillUnreadable)


@pytest.mark.parametrize(
    "line", ["{", "[]", "7", '{"topic": "rawtrade", "partition": 0, "offset": 1}', '{"offset": "x"}']
)
def test_a_senseless_line_is_named(line):
    with pytest.raises(CannotRepair, match="line 2"):
        parse_export(["", line])


def test_a_dead_letter_that_holds_part_of_its_message_cannot_be_replayed_from_it():
    dead_letter = original_of(json.dumps(TRADE).encode()).dead_letter
    assert isinstance(repair_message(original_in(dead_letter), unchanged), Repaired)
    cut = dead_letter.model_copy(update={"raw_bytes": dead_letter.raw_bytes + 1})
    assert "holds" in repair_message(original_in(cut), unchanged).reason


def test_the_dead_letters_time_stands_in_for_the_records():
    dead_letter = original_of(json.dumps(TRADE | {"timestamp": NOW + 61.5}).encode()).dead_letter
    assert isinstance(repair_message(original_in(dead_letter), unchanged), Repaired), "60 s ahead of the dead_letter"
    with pytest.raises(InvalidMessage):
        parse_message(Trade, original_in(dead_letter).value, NOW)


def test_reasons_that_differ_in_figures_and_quotations_are_one_line():
    found = [
        (RAWTRADE.name, "time 1.5 lies 61 s ahead of its record"),
        (RAWTRADE.name, "time 2.75 lies 99 s ahead of its record"),
        (RAWTICKER.name, "Value error, unknown pair 'A/B'"),
        (RAWTRADE.name, "empty message"),
    ]
    assert render_reasons(found).splitlines() == [
        "  rawticker         1  Value error, unknown pair '...'",
        "  rawtrade          2  time N lies N s ahead of its record",
        "  rawtrade          1  empty message",
    ]


def test_offsets_near_each_other_are_read_in_one_go():
    assert offset_spans([]) == []
    near, far = 5 + MAX_SPAN_GAP, 6 + 2 * MAX_SPAN_GAP
    assert offset_spans([5, 3, near, far, far + 1]) == [(3, near), (far, far + 1)]
