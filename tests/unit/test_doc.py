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


PAGES = (ROOT / "README.md", ROOT / "bench" / "README.md", *sorted((ROOT / "doc").rglob("*.md")))


def anchors_of(page):
    """The anchors of a page's headings, as the common renderers make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def broken_links(page):
    """The relative links of a page that lead to no file, or to no heading of one."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page):
    assert broken_links(page) == []


def test_checker_sees_a_link_that_leads_nowhere(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](page.md#a-title) [b](#a-title) [c](gone.md) [d](#gone) [e](https://x.example/y)")
    assert broken_links(page) == ["gone.md", "#gone"]


def test_index_lists_every_page():
    index = (ROOT / "doc" / "README.md").read_text()
    pages = [str(path.relative_to(ROOT / "doc")) for path in (ROOT / "doc").rglob("*.md") if path.name != "README.md"]
    assert [page for page in pages if f"]({page})" not in index] == []
