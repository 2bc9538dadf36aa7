"""`make replay`: lists the dead letters, repairs them, and publishes the valid ones to their topics again.

    make replay                                             # dead letters by topic and reason
    make replay ARGS="--repair"                             # which are now valid; nothing is sent
    make replay ARGS="--repair --publish"                   # send the valid ones to their topics
    make replay ARGS="--repair --topic rawtrade --set side=buy --publish"
    make replay ARGS="--export letters.jsonl"               # edit `message` in each line, then
    make replay ARGS="--repair --file letters.jsonl --publish"

Nothing is sent without --publish. A repair reads the original record from its topic again (or takes it from the dead
letter if retention has deleted it), changes it as requested, and validates it. Valid messages are sent to their topic
with the header `cryptoviz-replayed-from: topic/partition/offset`. Records with that header are never sent again, so a
command may be repeated. The dead letters themselves stay until retention deletes them.
"""

import argparse
import fcntl
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from contracts.messages import DeadLetter
from contracts.settings import KafkaSection, load_settings
from scripts.replay.client import ReplayClient
from scripts.replay.repair import (
    REPLAYABLE_TOPICS,
    CannotRepair,
    Original,
    Repair,
    Repaired,
    StillUnreadable,
    export_line,
    parse_export,
    reason_kind,
    record_id_of,
    render_reasons,
    repair_message,
    replaced_by,
    unchanged,
    with_fields,
)


def _print(text: str) -> None:
    print(text, flush=True)


@contextmanager
def _replay_lock(config: KafkaSection) -> Iterator[None]:
    """Holds the data folder's replay lock: two replays at once could both send the same message."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with (config.data_dir / "replay.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRepair("another replay is publishing: wait until it has finished") from None
        yield


def list_dead_letters(dead_letters: Sequence[DeadLetter], foreign: int) -> None:
    """Prints the dead letters by topic and reason."""
    _print(render_reasons([(dead_letter.topic, dead_letter.reason) for dead_letter in dead_letters]) or "  none")
    _print(f"{len(dead_letters)} dead letters" + (f", and {foreign} records of another origin" if foreign else ""))
    if dead_letters:
        _print("next: --repair shows which of them are now valid; --help shows how to repair the others")


def replay_dead_letters(
    client: ReplayClient, dead_letters: Sequence[DeadLetter], repair: Repair, publish: bool
) -> None:
    """Repairs and validates the messages; if `publish`, sends the valid ones that were not sent before."""
    sent = client.read_replayed(dead_letters)
    pending = [dead_letter for dead_letter in dead_letters if record_id_of(dead_letter) not in sent]
    repaired: list[Repaired] = []
    unreadable: list[StillUnreadable] = []
    for original in client.read_originals(pending):
        verdict = repair_message(original, repair)
        if isinstance(verdict, Repaired):
            repaired.append(verdict)
            if publish:
                client.send(verdict)
        else:
            unreadable.append(verdict)
    if publish:
        client.finish()
    if unreadable:
        _print(
            "still unreadable:\n"
            + render_reasons([(verdict.record_id.topic, verdict.reason) for verdict in unreadable])
        )
    counts = f"{len(unreadable)} still unreadable, {len(dead_letters) - len(pending)} sent before"
    if publish:
        _print(f"{len(repaired)} sent to their topics, {counts}")
    else:
        _print(
            f"{len(repaired)} are valid now, {counts}; nothing was sent"
            + ("; --publish sends them" if repaired else "")
        )


def export_originals(originals: Iterator[Original], path: Path) -> None:
    """Writes the messages to a new file, in the format that --file reads."""
    count = 0
    with path.open("x", encoding="utf-8") as out:
        for original in originals:
            out.write(export_line(original) + "\n")
            count += 1
    _print(f"{count} messages written to {path}: edit them there, then --repair --file {path}")


def _assignment(text: str) -> tuple[str, Any]:
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise argparse.ArgumentTypeError("expected FIELD=VALUE, such as side=buy or price=100.5")
    try:
        return field, json.loads(value)
    except ValueError:
        return field, value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--topic", choices=sorted(REPLAYABLE_TOPICS), help="only dead letters of this topic")
    add("--reason", metavar="TEXT", default="", help="only dead letters whose reason contains TEXT")
    add("--repair", action="store_true", help="read the original records again and validate them")
    add(
        *("--set", "-s"),
        metavar="FIELD=VALUE",
        dest="changes",
        type=_assignment,
        action="append",
        default=[],
        help="set a field in each message before it is validated; VALUE is JSON, else text; "
        "sentiment.score is a nested field; may be repeated",
    )
    add("--file", type=Path, help="read the messages from this file: JSON lines with topic, partition, offset, message")
    add("--publish", action="store_true", help="send the valid messages to their topics; nothing is sent without it")
    add("--export", type=Path, metavar="FILE", help="write the messages to a new file in the format that --file reads")
    given = parser.parse_args()
    if (given.changes or given.file or given.publish) and not given.repair:
        parser.error("--set, --file and --publish go with --repair")
    if given.export and given.repair:
        parser.error("--export and --repair are two steps: export, edit the file, then --repair --file")
    return given


def run_replay(given: argparse.Namespace, config: KafkaSection) -> None:
    """Runs the command. Raises `CannotRepair`, `OSError` and `KafkaException`."""
    repair: Repair = unchanged
    if given.file:
        with given.file.open(encoding="utf-8") as lines:
            repair = replaced_by(parse_export(lines))
    if given.changes:
        repair = with_fields(dict(given.changes), repair)
    client = ReplayClient(config)
    found, foreign = client.read_dead_letters()
    dead_letters = [
        dead_letter
        for dead_letter in found
        if given.topic in (None, dead_letter.topic)
        and (given.reason in dead_letter.reason or given.reason in reason_kind(dead_letter.reason))
    ]
    if given.export:
        export_originals(client.read_originals(dead_letters), given.export)
    elif not given.repair:
        list_dead_letters(dead_letters, foreign)
    elif given.publish:
        with _replay_lock(config):
            replay_dead_letters(client, dead_letters, repair, publish=True)
    else:
        replay_dead_letters(client, dead_letters, repair, publish=False)


def main() -> int:
    """Runs the command; exit code 0 if it succeeded, 2 if not."""
    given = _arguments()
    try:
        run_replay(given, load_settings(KafkaSection))
    except (CannotRepair, OSError) as problem:
        print(f"replay: {problem}", file=sys.stderr)
        return 2
    except KafkaException as error:
        print(f"replay: kafka is unavailable: {error}", file=sys.stderr)
        return 2
    return 0
