"""Size, names and docstrings of modules, and what only the command line may do."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fhirkit
from fhirkit.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fhirkit"
MODULES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400
MOST_COMMAND_LINES = 120

every_module = pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(ROOT))
)


def is_command(path: Path) -> bool:
    return path.parent.name == "cli" and path.stem in COMMANDS.values()


@every_module
def test_a_module_fits_in_a_head(path: Path) -> None:
    most = MOST_COMMAND_LINES if is_command(path) else MOST_LINES
    assert len(path.read_text().splitlines()) <= most


@every_module
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "no module docstring"


@every_module
def test_a_name_tells_the_room(path: Path) -> None:
    words = {part.removesuffix(".py") for part in path.relative_to(PACKAGE).parts}
    assert not words & {"utils", "util", "helpers", "helper", "common", "misc"}


@every_module
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


@every_module
def test_only_the_command_line_prints_exits_and_reads_the_environment(path: Path) -> None:
    if path.parent.name == "cli":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "exit", "quit"}, node.lineno
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            spelled = f"{node.value.id}.{node.attr}"
            assert spelled not in {"sys.exit", "os.environ", "os.getenv", "os._exit"}, node.lineno


def test_public_names_are_sorted_and_load() -> None:
    assert fhirkit.__all__ == sorted(fhirkit.__all__, key=str)
    for name in fhirkit.__all__:
        assert getattr(fhirkit, name) is not None
    assert set(fhirkit._HOME) | {"__version__"} == set(fhirkit.__all__)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fhirkit.nonsense  # type: ignore[attr-defined]  # the point of the test
