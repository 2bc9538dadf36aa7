"""The arrows between the parts: who may import whom, and who may read the environment."""

import ast
import sys
from pathlib import Path

import pytest

from contracts.settings import ROOT

PARTS = {
    "contracts": ROOT / "contracts",
    "foundation": ROOT / "foundation",
    "sentiment": ROOT / "sentiment",
    "forecasting": ROOT / "forecasting",
    "data_producers": ROOT / "data_producers",
    "spark_jobs": ROOT / "spark_jobs",
    "simulator": ROOT / "simulator",
    "database": ROOT / "database",
    "monitoring": ROOT / "monitoring",
    "scripts": ROOT / "scripts",
    "api": ROOT / "crypto_viz_backend" / "api",
    "crypto_viz": ROOT / "crypto_viz_backend" / "crypto_viz",
}

MAY_IMPORT = {
    "contracts": set(),
    "foundation": {"contracts"},
    "sentiment": {"contracts", "foundation"},
    "forecasting": {"contracts", "foundation"},
    "data_producers": {"contracts", "foundation", "sentiment"},
    "spark_jobs": {"contracts", "foundation", "forecasting"},
    "simulator": {"contracts", "foundation"},
    "database": {"contracts", "foundation"},
    "api": {"contracts", "foundation", "crypto_viz"},
    "crypto_viz": {"contracts", "foundation", "api"},
    "monitoring": {"contracts", "foundation"},
    "scripts": {"contracts", "foundation", "monitoring", "database"},
}

CONTRACTS_NEED = {"pydantic", "pydantic_settings"}

PURE = [
    "contracts/assets.py",
    "contracts/rules.py",
    "contracts/topics.py",
    "contracts/tables.py",
    "contracts/messages.py",
    "data_producers/alerts/rules.py",
    "sentiment/mentions.py",
    "sentiment/stories.py",
    "sentiment/scorers/scorer.py",
    "sentiment/scorers/lexicon.py",
    "sentiment/scorers/lexicon_scorer.py",
    "sentiment/scorers/textblob_scorer.py",
    "sentiment/scorers/trained_model.py",
    "sentiment/scorers/trained_scorer.py",
    "sentiment/lab/fit.py",
    "sentiment/lab/figures.py",
    "sentiment/lab/labelled.py",
    "forecasting",
    "data_producers/sources/kraken/parse.py",
    "data_producers/sources/kraken/dialect.py",
    "data_producers/sources/cleaning.py",
    "data_producers/sources/binance/dialect.py",
    "data_producers/sources/binance/parse.py",
    "data_producers/sources/binance/weight.py",
    "data_producers/sources/coingecko/parse.py",
    "data_producers/sources/rss/parse.py",
    "spark_jobs/transforms",
    "monitoring/judgement.py",
    "monitoring/candles.py",
    "simulator/market.py",
    "simulator/binance.py",
    "simulator/coingecko.py",
    "simulator/corruption.py",
]
"""No IO, and nothing imported that does it."""

DOES_IO = {
    *("socket", "ssl", "http", "urllib.request", "requests", "websocket", "aiohttp", "asyncio", "subprocess"),
    *("confluent_kafka", "psycopg2", "sqlite3", "threading", "time"),
    *("data_producers.sinks", "data_producers.runtime", "data_producers.telemetry", "spark_jobs.edges"),
    *("contracts.settings", "foundation"),
}


def files_of(part: str) -> list[Path]:
    return sorted(PARTS[part].rglob("*.py"))


def imports_of(source: str) -> set[str]:
    """The modules that a file imports by their full names, wherever in the file it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def reads_environment(source: str) -> bool:
    """Whether a file reads the process's environment. Telling Django or Spark something through it is not reading."""
    names = {"environ", "environb", "getenv", "getenvb"}
    tree = ast.parse(source)
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del))
        or (isinstance(node, ast.Attribute) and node.attr == "setdefault")
    }
    return any(
        (
            isinstance(node, ast.Attribute)
            and node.attr in names
            and getattr(node.value, "id", "") == "os"
            and id(node) not in told
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
        for node in ast.walk(tree)
    )


def names_inside(names: set[str], modules: set[str]) -> set[str]:
    return {name for name in names if any(name == module or name.startswith(f"{module}.") for module in modules)}


@pytest.mark.parametrize("part", PARTS)
def test_part_imports_only_what_it_may(part):
    others = set(PARTS) - {part} - MAY_IMPORT[part]
    forbidden = {
        str(path.relative_to(ROOT)): names
        for path in files_of(part)
        if (names := names_inside(imports_of(path.read_text()), others))
    }
    assert forbidden == {}


def test_contracts_need_only_the_standard_library_and_pydantic():
    allowed = set(sys.stdlib_module_names) | CONTRACTS_NEED | {"contracts"}
    for path in files_of("contracts"):
        assert {name.partition(".")[0] for name in imports_of(path.read_text())} <= allowed, path


def test_foundation_is_given_its_values():
    readers = [
        path.name
        for path in files_of("foundation")
        if names_inside(imports_of(path.read_text()), {"contracts.settings"})
    ]
    assert readers == []


def test_only_the_settings_read_the_environment():
    readers = {
        str(path.relative_to(ROOT)) for part in PARTS for path in files_of(part) if reads_environment(path.read_text())
    }
    assert readers == {"contracts/settings/loading.py"}


@pytest.mark.parametrize("place", PURE)
def test_pure_module_imports_nothing_that_does_io(place):
    path = ROOT / place
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert files, f"{place} is gone"
    found = {file.name: names for file in files if (names := names_inside(imports_of(file.read_text()), DOES_IO))}
    assert found == {}


def test_every_package_of_the_checkout_is_a_known_part():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"bench"}
    assert packages <= set(PARTS)


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("import os\nx = os.environ['A']", True),
        ("from os import getenv", True),
        ("import os\nprint(os.environ)", True),
        ("import os\nos.environ.get('A')", True),
        ("import os\nos.environ['A'] = '1'", False),
        ("import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')", False),
        ("import os\nos.getpid()", False),
        ("settings.environ", False),
    ],
)
def test_checker_sees_the_environment_being_read(source, reads):
    assert reads_environment(source) is reads


def test_checker_sees_imports_wherever_they_stand():
    source = "import a.b\ndef f():\n    from spark_jobs.edges import session\n"
    assert names_inside(imports_of(source), {"spark_jobs"}) == {"spark_jobs.edges", "spark_jobs.edges.session"}
