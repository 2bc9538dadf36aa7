"""Apache Kafka as one process on loopback: broker and controller combined (KRaft), from jars resolved by Maven.

`python -m scripts.embedded.kafka` replaces itself with the broker (same process id), so that signals reach Kafka
directly: SIGTERM is a clean shutdown.
"""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.settings import ROOT, EmbeddedKafkaSettings, load_settings
from contracts.topics import MAX_RECORD_BYTES
from foundation.ports import HOST, port_is_open
from foundation.waiting import wait_until

_FOLDER = ROOT / "scripts" / "kafka"
_JARS = _FOLDER / "lib"
_STOP_SECONDS = 30.0
_START_SECONDS = 90.0


class CannotStart(SystemExit):
    """The server cannot be started. `str(error)` is one line with the command that fixes it."""


def server_properties(data_dir: Path, port: int, controller_port: int) -> dict[str, str]:
    """The broker's configuration. Its state is in the data folder alone; ports may change between starts."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data_dir / "kafka"),
        # A misspelled topic must fail, not be created.
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MAX_RECORD_BYTES),
        "replica.fetch.max.bytes": str(MAX_RECORD_BYTES),
        # One broker can hold one replica only, and starts faster with few partitions of its own topics.
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # The default buffer would use a quarter of this heap.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise CannotStart("kafka: no java on PATH; install a JDK 17: apt-get install openjdk-17-jdk-headless")
    if not any(_JARS.glob("kafka_*.jar")):
        raise CannotStart(f"kafka: no jars in {_JARS}; run: make setup")
    return java


def _command(heap: str, main: str, *arguments: str) -> list[str]:
    return [
        _java(),
        f"-Xmx{heap}",
        "-Xms128m",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={_FOLDER / 'log4j2.yaml'}",
        "-cp",
        f"{_JARS}/*",
        main,
        *arguments,
    ]


def prepare_storage(data_dir: Path, port: int, controller_port: int) -> Path:
    """Writes server.properties and returns its path; formats the log folder on first use."""
    log_dir = data_dir / "kafka"
    log_dir.mkdir(parents=True, exist_ok=True)
    properties = data_dir / "kafka-server.properties"
    lines = [f"{key}={value}\n" for key, value in server_properties(data_dir, port, controller_port).items()]
    properties.write_text("".join(lines))
    if not (log_dir / "meta.properties").exists():
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ("format", "--ignore-formatted", "--cluster-id", f"k{cluster_id[1:]}", "--config", str(properties))
        done = subprocess.run(
            _command("128m", "kafka.tools.StorageTool", *arguments), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CannotStart(f"kafka: cannot format {log_dir}: {(done.stderr or done.stdout).strip()[-500:]}")
    return properties


@contextmanager
def running_kafka(data_dir: Path, port: int, controller_port: int, heap: str = "512m") -> Iterator[str]:
    """Runs a broker for the duration of the context; yields its address. Its log is `<data_dir>/kafka.log`."""
    properties = prepare_storage(data_dir, port, controller_port)
    with (data_dir / "kafka.log").open("ab") as log:
        broker = subprocess.Popen(
            _command(heap, "kafka.Kafka", str(properties)), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: port_is_open(port), _START_SECONDS, "kafka", lambda: broker.poll() is None)
        yield f"{HOST}:{port}"
    finally:
        broker.terminate()
        try:
            broker.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            broker.kill()
            broker.wait()


def main() -> None:
    """Replaces this process with the broker of the settings."""
    config = load_settings(EmbeddedKafkaSettings)
    port = int(config.kafka_bootstrap_servers.split(",")[0].rpartition(":")[2])
    properties = prepare_storage(config.data_dir, port, config.kafka_controller_port)
    command = _command(config.kafka_heap, "kafka.Kafka", str(properties))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
