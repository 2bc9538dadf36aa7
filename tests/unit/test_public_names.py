"""One name, one meaning: no public name of a module is defined in a second module."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from contracts.settings import ROOT

PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"} | {"crypto_viz_backend"}

ONE_PER_MODULE = {"main", "log", "urlpatterns", "application"}
"""An entry point, a module's logger, and the names that Django looks up in a module."""


def public_names(source: str) -> set[str]:
    """The classes, functions and variables that a module defines at its top level; what it imports is not defined."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Assign(targets=targets):
                stored = [name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
                names |= {name.id for name in stored if isinstance(name.ctx, ast.Store)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")} - ONE_PER_MODULE


def clashes(root: Path, packages: set[str]) -> dict[str, list[str]]:
    """The public names that more than one module defines, with these modules."""
    modules: dict[str, list[str]] = defaultdict(list)
    for package in sorted(packages):
        for path in sorted((root / package).rglob("*.py")):
            for name in public_names(path.read_text()):
                modules[name].append(str(path.relative_to(root)))
    return {name: paths for name, paths in modules.items() if len(paths) > 1}


def test_no_public_name_is_defined_in_two_modules():
    assert clashes(ROOT, PACKAGES) == {}


def test_packages_are_found():
    assert {"contracts", "foundation", "data_producers", "spark_jobs", "scripts", "bench"} <= PACKAGES


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class Gap: ...", {"Gap"}),
        ("def fetch(): ...", {"fetch"}),
        ("async def fetch(): ...", {"fetch"}),
        ("LIMIT = 5", {"LIMIT"}),
        ("LOW, HIGH = 1, 2", {"LOW", "HIGH"}),
        ("LIMIT: int = 5", {"LIMIT"}),
        ("os.environ['A'] = 'b'", set()),
        ("from a import Gap\nimport b", set()),
        ("_LIMIT = 5\n__all__ = ['x']\ndef main(): ...\nlog = 1", set()),
        ("class Gap:\n    LIMIT = 5\n    def close(self): ...", {"Gap"}),
    ],
)
def test_checker_sees_public_names(source, names):
    assert public_names(source) == names


def test_checker_sees_a_clash(tmp_path):
    for package, source in (("one", "LIMIT = 5\n_T = 1"), ("two", "def LIMIT(): ...\n_T = 2")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "module.py").write_text(source)
    assert clashes(tmp_path, {"one", "two"}) == {"LIMIT": ["one/module.py", "two/module.py"]}
