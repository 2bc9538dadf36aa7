"""What the documents say of topics, processes and commands is so."""

import re

import pytest

from contracts.settings import ROOT, StackSettings
from contracts.topics import DAY_MS, TOPICS
from scripts.stack.processes import port_of, processes

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_kafka_page_has_the_topic_as_declared(topic):
    row = f"| {topic.name} | {topic.key} | {topic.partitions} | {topic.retention_ms // DAY_MS} days | {topic.writer} |"
    assert row in (ROOT / "doc" / "03-kafka.md").read_text()


def test_architecture_page_has_every_process_with_its_ports(tmp_path):
    page = (ROOT / "doc" / "01-architecture.md").read_text()
    config = StackSettings(_env_file=None, data_dir=tmp_path, database_url="", kafka_bootstrap_servers="127.0.0.1:9092")
    for process in processes(config, "simulator", with_prometheus=True):
        row = re.search(rf"^\| {process.name} \|.*\| ([^|]*) \|$", page, re.MULTILINE)
        assert row, process.name
        assert [int(port) for port in re.findall(r"\d+", row[1])] == [port_of(config, field) for field in process.ports]


def test_make_targets_named_in_the_documents_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in (ROOT / "README.md", *sorted((ROOT / "doc").rglob("*.md"))):
        named = set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", page.read_text(), re.MULTILINE))
        assert {first or second for first, second in named} <= targets, page.name


def test_every_target_is_in_the_help():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):.*", makefile, re.MULTILINE)
    assert re.findall(r"^([a-z]+):.*## \w", makefile, re.MULTILINE) == targets


def test_readme_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link
