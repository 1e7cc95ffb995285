"""The native gate where it can be built, where it cannot, and where what is there is of no use."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from fhirkit.definitions.embedded import connect
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.gate import library as native
from fhirkit.validate.gate.native import NOTHING, Gate
from fhirkit.validate.gate.tables import LAYOUT
from fhirkit.validate.shapes import Shapes

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
PATIENT = b'{"resourceType":"Patient","active":true}'


@pytest.fixture
def building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script that builds, on a copy of the sources."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import build_gate

    for source in build_gate.SOURCE.parent.glob("*.rs"):
        shutil.copy(source, tmp_path)
    monkeypatch.setattr(build_gate, "SOURCE", tmp_path / build_gate.SOURCE.name)
    monkeypatch.setattr(build_gate, "LIBRARY", tmp_path / build_gate.LIBRARY.name)
    yield build_gate
    sys.modules.pop("build_gate", None)


def test_without_a_compiler_nothing_old_stays_in_use(
    building: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSTC", "no-such-compiler")
    building.LIBRARY.write_bytes(b"of older sources")
    os.utime(building.LIBRARY, (1, 1))
    assert building.build() is None
    assert not building.LIBRARY.exists()


def test_sources_that_do_not_compile_stop_nothing(
    building: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("rustc") is None:
        pytest.skip("no rustc")
    building.SOURCE.write_text("this is no Rust")
    assert building.build() is None
    assert "was not compiled" in capsys.readouterr().err
    assert sorted(path.suffix for path in building.SOURCE.parent.iterdir()) == [".rs"] * 3


@pytest.mark.slow
def test_it_is_built_once_and_reads_these_tables(
    building: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("rustc") is None:
        pytest.skip("no rustc")
    assert building.build() == building.LIBRARY
    monkeypatch.setenv("RUSTC", "no-such-compiler")
    assert building.build() == building.LIBRARY, "it is newer than its sources"
    loaded = native.ctypes.CDLL(str(building.LIBRARY))
    assert loaded.fhirkit_gate_layout() == LAYOUT


def test_without_native_code_nothing_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", lambda: None)
    gate = Gate(Shapes(SchemaStore(connect())))
    assert [gate.look(PATIENT) for _ in range(8)] == [NOTHING] * 8


@pytest.mark.parametrize("content", [b"", b"no library"])
def test_a_file_that_is_no_library_is_passed_over(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_gate.so").write_bytes(content)
    monkeypatch.setattr(native, "__file__", str(tmp_path / "library.py"))
    assert native.library.__wrapped__() is None


def test_native_code_for_other_tables_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    if native.library() is None:
        pytest.skip("no native code: there was no rustc when fhirkit was installed")
    monkeypatch.setattr(native, "LAYOUT", LAYOUT + 1)
    assert native.library.__wrapped__() is None
