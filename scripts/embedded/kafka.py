"""Apache Kafka as one process on loopback: broker and controller in one (KRaft), from jars that Maven resolved.

`python -m scripts.embedded.kafka` becomes the broker itself (the same process id), so whoever started it signals Kafka
directly: SIGTERM is an orderly stop.
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

FOLDER = ROOT / "scripts" / "kafka"
JARS = FOLDER / "lib"
STOP_SECONDS = 30.0
START_SECONDS = 90.0


class CannotStart(SystemExit):
    """The server cannot be started. `str()` of it is one line with the command that mends it."""


def server_properties(data_dir: Path, port: int, controller_port: int) -> dict[str, str]:
    """The broker's configuration. The data folder alone decides what it remembers; ports may change between starts."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data_dir / "kafka"),
        # A misspelt topic must fail, not come into being.
        "auto.create.topics.enable": "false",
        "message.max.bytes": str(MAX_RECORD_BYTES),
        "replica.fetch.max.bytes": str(MAX_RECORD_BYTES),
        # One broker holds one replica, and few partitions of its own topics start faster.
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
        # The default buffer alone would take a quarter of this heap.
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    }


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise CannotStart("kafka: no java on PATH; install a JDK 17: apt-get install openjdk-17-jdk-headless")
    if not any(JARS.glob("kafka_*.jar")):
        raise CannotStart(f"kafka: no jars in {JARS}; run: make setup")
    return java


def _command(heap: str, main: str, *arguments: str) -> list[str]:
    return [
        _java(),
        f"-Xmx{heap}",
        "-Xms128m",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={FOLDER / 'log4j2.yaml'}",
        "-cp",
        f"{JARS}/*",
        main,
        *arguments,
    ]


def prepare_storage(data_dir: Path, port: int, controller_port: int) -> Path:
    """The path of a freshly written server.properties, the log folder formatted if this is its first use."""
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
    """The bootstrap address of a broker that runs as long as the context does. Its log is `<data_dir>/kafka.log`."""
    properties = prepare_storage(data_dir, port, controller_port)
    with (data_dir / "kafka.log").open("ab") as log:
        broker = subprocess.Popen(
            _command(heap, "kafka.Kafka", str(properties)), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: port_is_open(port), START_SECONDS, "kafka", lambda: broker.poll() is None)
        yield f"{HOST}:{port}"
    finally:
        broker.terminate()
        try:
            broker.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            broker.kill()
            broker.wait()


def main() -> None:
    """Becomes the broker that the settings describe."""
    config = load_settings(EmbeddedKafkaSettings)
    port = int(config.kafka_bootstrap_servers.split(",")[0].rpartition(":")[2])
    properties = prepare_storage(config.data_dir, port, config.kafka_controller_port)
    command = _command(config.kafka_heap, "kafka.Kafka", str(properties))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
