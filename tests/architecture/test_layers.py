"""Who may import whom: the table of docs/architecture.md is the law, and it is read from there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fhirkit"
MODULES = sorted(PACKAGE.rglob("*.py"))


def allowed_imports() -> dict[str, set[str]]:
    table: dict[str, set[str]] = {}
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        row = re.fullmatch(r"\| `(\w+)` \| .+ \| (.+) \|", line)
        if row is None:
            continue
        words = row[2].strip()
        names = [] if words == "nothing of ours" else [word.strip() for word in words.split(",")]
        table[row[1]] = set(names)
    for names in table.values():
        if "everything" in names:
            names.update(table)
    return table


def imported_modules(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def package_of(path: Path) -> str | None:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else None


def test_the_table_names_every_package() -> None:
    table = allowed_imports()
    on_disk = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert on_disk <= set(table)
    assert len(table) >= 10


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_stay_inside_the_table(path: Path) -> None:
    package = package_of(path)
    if package is None:
        return
    allowed = allowed_imports()[package] | {package}
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] == "fhirkit" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
            assert parts[1] in allowed, f"{package} may not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_remote_speaks_http(path: Path) -> None:
    if package_of(path) == "remote":
        return
    spoken = {name.split(".")[0] for name in imported_modules(path)}
    if package_of(path) == "chaos":
        # It answers and never asks.
        assert not {name for name in imported_modules(path) if name.startswith("http.client")}
        spoken -= {"http"}
    assert not spoken & {"requests", "urllib3", "http", "httpx", "aiohttp"}, path


def test_the_planner_is_pure() -> None:
    names = imported_modules(PACKAGE / "sync/plan.py")
    impure = {"requests", "sqlite3", "pathlib", "os", "subprocess", "time", "datetime"}
    assert not {name.split(".")[0] for name in names} & impure
    ours = {name for name in names if name.startswith("fhirkit.sync.")}
    assert all(name.startswith("fhirkit.sync.entry") for name in ours)
