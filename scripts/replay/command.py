"""`make replay`: what is in `deadletter`, and the way back from there.

    make replay                                             # what could not be read: by topic and reason
    make replay ARGS="--repair"                             # what can be read by now; nothing is sent
    make replay ARGS="--repair --publish"                   # send that to its topic again
    make replay ARGS="--repair --topic rawtrade --set side=buy --publish"
    make replay ARGS="--export letters.jsonl"               # mend `message` in each line by hand, then
    make replay ARGS="--repair --file letters.jsonl --publish"

Without --publish nothing is ever sent. A repair reads the original record again from its topic (what the letter holds,
where retention took it), mends it as asked, and lets the contract judge it. What is readable is sent to its topic with
the header `cryptoviz-replayed-from: topic/partition/offset`; what was sent before, by that header, is never sent again,
so a command may be repeated. The letters themselves stay until retention.
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
from scripts.replay.records import Records
from scripts.replay.repair import (
    READABLE_TOPICS,
    CannotMend,
    Mended,
    Original,
    Repair,
    StillUnreadable,
    as_it_is,
    by_reason,
    from_file,
    in_place_of,
    judge,
    kind_of,
    place_of,
    to_line,
    with_fields,
)


def _tell(text: str) -> None:
    print(text, flush=True)


@contextmanager
def _alone(config: KafkaSection) -> Iterator[None]:
    """Holds the right to publish from this data folder: two at once could each send what the other has not yet sent."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with (config.data_dir / "replay.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotMend("another replay is publishing: wait until it is done") from None
        yield


def list_letters(letters: Sequence[DeadLetter], strangers: int) -> None:
    """Tells what could not be read, by topic and reason."""
    _tell(by_reason([(letter.topic, letter.reason) for letter in letters]) or "  none")
    _tell(f"{len(letters)} dead letters" + (f", and {strangers} that this house did not write" if strangers else ""))
    if letters:
        _tell("next: --repair tells which of them can be read by now; --help tells how to mend the others")


def repair_letters(records: Records, letters: Sequence[DeadLetter], repair: Repair, publish: bool) -> None:
    """Judges the letters' messages again and, if `publish`, sends the readable ones that were not sent before."""
    sent = records.read_replayed(letters)
    waiting = [letter for letter in letters if place_of(letter) not in sent]
    mended: list[Mended] = []
    unreadable: list[StillUnreadable] = []
    for original in records.read_originals(waiting):
        verdict = judge(original, repair)
        if isinstance(verdict, Mended):
            mended.append(verdict)
            if publish:
                records.send(verdict)
        else:
            unreadable.append(verdict)
    if publish:
        records.finish()
    if unreadable:
        _tell("still unreadable:\n" + by_reason([(verdict.place[0], verdict.reason) for verdict in unreadable]))
    counts = f"{len(unreadable)} still unreadable, {len(letters) - len(waiting)} sent before"
    if publish:
        _tell(f"{len(mended)} sent to their topics, {counts}")
    else:
        _tell(f"{len(mended)} can be read, {counts}; nothing was sent" + ("; --publish sends them" if mended else ""))


def export_letters(originals: Iterator[Original], path: Path) -> None:
    """Writes the letters' messages to a new file, in the form that --file takes."""
    count = 0
    with path.open("x", encoding="utf-8") as out:
        for original in originals:
            out.write(to_line(original) + "\n")
            count += 1
    _tell(f"{count} messages written to {path}: mend them there, then --repair --file {path}")


def _assignment(text: str) -> tuple[str, Any]:
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise argparse.ArgumentTypeError("wanted FIELD=VALUE, such as side=buy or price=100.5")
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
    add("--topic", choices=sorted(READABLE_TOPICS), help="only letters of this topic")
    add("--reason", metavar="TEXT", default="", help="only letters whose reason, as listed or as written, has TEXT")
    add("--repair", action="store_true", help="read the originals again and judge them again")
    add(
        *("--set", "-s"),
        metavar="FIELD=VALUE",
        dest="changes",
        type=_assignment,
        action="append",
        default=[],
        help="set a field in each message before it is judged; VALUE is JSON, else text; sentiment.score reaches "
        "inside; may be repeated",
    )
    add("--file", type=Path, help="take the messages from this file: JSON lines with topic, partition, offset, message")
    add("--publish", action="store_true", help="send what is readable to its topic; without it nothing is sent")
    add("--export", type=Path, metavar="FILE", help="write the messages to a new file in the form that --file takes")
    given = parser.parse_args()
    if (given.changes or given.file or given.publish) and not given.repair:
        parser.error("--set, --file and --publish go with --repair")
    if given.export and given.repair:
        parser.error("--export and --repair are two steps: export, mend the file, then --repair --file")
    return given


def run(given: argparse.Namespace, config: KafkaSection) -> None:
    """Does what was asked. Raises `CannotMend`, `OSError` and `KafkaException`."""
    repair: Repair = as_it_is
    if given.file:
        with given.file.open(encoding="utf-8") as lines:
            repair = in_place_of(from_file(lines))
    if given.changes:
        repair = with_fields(dict(given.changes), repair)
    records = Records(config.kafka_bootstrap_servers)
    found, strangers = records.read_letters()
    letters = [
        letter
        for letter in found
        if given.topic in (None, letter.topic)
        and (given.reason in letter.reason or given.reason in kind_of(letter.reason))
    ]
    if given.export:
        export_letters(records.read_originals(letters), given.export)
    elif not given.repair:
        list_letters(letters, strangers)
    elif given.publish:
        with _alone(config):
            repair_letters(records, letters, repair, publish=True)
    else:
        repair_letters(records, letters, repair, publish=False)


def main() -> int:
    """Runs the command; 0 when it was done, 2 when it could not be."""
    given = _arguments()
    try:
        run(given, load_settings(KafkaSection))
    except (CannotMend, OSError) as problem:
        print(f"replay: {problem}", file=sys.stderr)
        return 2
    except KafkaException as away:
        print(f"replay: kafka is away: {away}", file=sys.stderr)
        return 2
    return 0
