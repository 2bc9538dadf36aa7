"""The arrows between the parts: which part may import which, which modules do no IO, who reads the environment."""

import ast
import re
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
    "notifier": ROOT / "notifier",
    "scripts": ROOT / "scripts",
    "api": ROOT / "crypto_viz_backend" / "api",
    "crypto_viz": ROOT / "crypto_viz_backend" / "crypto_viz",
}

MAY_IMPORT = {
    "contracts": set(),
    "foundation": {"contracts"},
    "sentiment": {"contracts"},
    "forecasting": {"contracts"},
    "data_producers": {"contracts", "foundation", "sentiment"},
    "spark_jobs": {"contracts", "foundation", "forecasting"},
    "simulator": {"contracts", "foundation"},
    "database": {"contracts", "foundation"},
    "api": {"contracts", "foundation", "crypto_viz"},
    "crypto_viz": {"contracts", "foundation", "api"},
    "monitoring": {"contracts", "foundation"},
    "notifier": {"contracts", "foundation"},
    "scripts": {"contracts", "foundation", "monitoring", "database"},
}

CONTRACTS_NEED = {"pydantic", "pydantic_settings"}

PURE_WORD = re.compile(r"\bPure\b")

KNOWN_PURE = {
    "contracts/messages.py",
    "data_producers/alerts/rules.py",
    "data_producers/sources/kraken/parse.py",
    "forecasting/registry.py",
    "scripts/audit/rows.py",
    "sentiment/scorers/lexicon.py",
    "simulator/market.py",
    "spark_jobs/transforms/decode.py",
    "spark_jobs/transforms/windows.py",
}
"""Some of the pure modules: `pure_modules` must find at least these."""

DOES_IO = {
    *("socket", "ssl", "http", "urllib.request", "requests", "websocket", "aiohttp", "asyncio", "subprocess"),
    *("confluent_kafka", "psycopg2", "sqlite3", "threading", "time", "os", "shutil", "tempfile"),
}


def pure_modules(folder: Path) -> set[Path]:
    """The modules in `folder` that call themselves "Pure" in their docstring.

    A package that does so in its `__init__` means the modules beside it, or those that the sentence names in
    backquotes.
    """
    found: set[Path] = set()
    for path in folder.rglob("*.py"):
        statement = PURE_WORD.split(ast.get_docstring(ast.parse(path.read_text())) or "", maxsplit=1)[1:]
        if statement and path.name == "__init__.py":
            named = re.findall(r"`(\w+)`", statement[0].partition(".\n")[0])
            found |= {path.with_name(f"{name}.py") for name in named} or set(path.parent.glob("*.py"))
        elif statement:
            found.add(path)
    return found


def file_of(module: str) -> str:
    """The file of a module of ours, relative to the checkout; empty when it is none of ours."""
    for root in (ROOT, ROOT / "crypto_viz_backend"):
        path = root / module.replace(".", "/")
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return str(file.relative_to(ROOT))
    return ""


def io_of(file: str, seen: set[str]) -> set[str]:
    """The chains of imports that lead from a file to something that does IO."""
    seen.add(file)
    names = imports_of((ROOT / file).read_text())
    found = {f"{file} -> {name}" for name in names_inside(names, DOES_IO)}
    for imported in {file_of(name) for name in names_inside(names, set(PARTS))} - seen - {""}:
        found |= {f"{file} -> {chain}" for chain in io_of(imported, seen)}
    return found


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
    """Whether a file reads the process's environment. Setting a variable for Django or Spark is not reading."""
    names = {"environ", "environb", "getenv", "getenvb"}
    tree = ast.parse(source)
    written = {
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
            and id(node) not in written
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {alias.name for alias in node.names})
        for node in ast.walk(tree)
    )


def names_inside(names: set[str], modules: set[str]) -> set[str]:
    return {name for name in names if any(name == module or name.startswith(f"{module}.") for module in modules)}


@pytest.mark.parametrize("part", PARTS)
def test_part_imports_only_what_it_may(part):
    others = {*PARTS, "tests", "bench"} - {part} - MAY_IMPORT[part]
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


PURE = {str(path.relative_to(ROOT)) for part in PARTS for path in pure_modules(PARTS[part])}


def test_pure_modules_are_found():
    assert KNOWN_PURE <= PURE


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_module_reaches_nothing_that_does_io(module):
    assert io_of(module, set()) == set()


@pytest.mark.parametrize(
    ("file", "chain"),
    [
        ("foundation/ports.py", "foundation/ports.py -> socket"),
        ("data_producers/kraken_producer.py", "data_producers/sinks/kafka.py -> confluent_kafka"),
    ],
    ids=["directly", "through another module"],
)
def test_checker_sees_io(file, chain):
    assert any(chain in found for found in io_of(file, set()))


@pytest.mark.parametrize(
    ("name", "docstring", "found"),
    [
        ("a.py", "Bytes in, messages out. Pure.", {"a.py"}),
        ("a.py", "Bytes in.\n\nPure: the clock is given.", {"a.py"}),
        ("a.py", "Purely an edge.", set()),
        ("__init__.py", "All of it. Pure.", {"__init__.py", "b.py"}),
        ("__init__.py", "Some of it.\n\nPure: `b`,\n`c`.\nEdges: `d`.", {"b.py", "c.py"}),
    ],
)
def test_checker_sees_what_calls_itself_pure(tmp_path, name, docstring, found):
    (tmp_path / "b.py").write_text("")
    (tmp_path / name).write_text(f'"""{docstring}"""\n')
    assert pure_modules(tmp_path) == {tmp_path / each for each in found}


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
