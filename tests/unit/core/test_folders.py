"""Folders appear whole or not at all, under names that every system takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core import folders
from fhirkit.core.errors import FhirkitError
from fhirkit.core.folders import is_portable, remove_folder, sweep, write_folder

FILES = [("a.txt", b"1"), ("in/ner/b.txt", b"2"), ("in/c.txt", b"")]


def held(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_written_once(tmp_path: Path) -> None:
    assert write_folder(tmp_path / "new/x", FILES)
    assert held(tmp_path / "new/x") == dict(FILES)
    assert not write_folder(tmp_path / "new/x", [("a.txt", b"other")])
    assert held(tmp_path / "new/x") == dict(FILES)
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new/x"]


def test_rights_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    for mask in (0, 0o077):
        before = os.umask(mask)
        try:
            write_folder(tmp_path / f"m{mask}", FILES)
        finally:
            os.umask(before)
        root = tmp_path / f"m{mask}"
        for path in (root, *root.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


@pytest.mark.parametrize("problem", [RuntimeError("broken"), OSError(28, "No space left")])
def test_nothing_is_left_when_it_fails(tmp_path: Path, problem: Exception) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        yield "a.txt", b"1"
        raise problem

    with pytest.raises((RuntimeError, FhirkitError)):
        write_folder(tmp_path / "x", files())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/a", "a/../b", "a\\b", "", "a//b", "con", "a."])
def test_paths_that_lead_elsewhere_are_a_bug_of_the_caller(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain relative path"):
        write_folder(tmp_path / "x", [(name, b"")])
    assert list(tmp_path.iterdir()) == []


def test_removing_and_sweeping(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", FILES)
    remove_folder(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / f"{folders._UNFINISHED}abc/in").mkdir(parents=True)
    (tmp_path / "keep").mkdir()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "keep"]
    with pytest.raises(FhirkitError, match="cannot be written"):
        remove_folder(tmp_path / "none/x")


@pytest.mark.parametrize(
    "name", ["CON", "nul.json", "Com1", "lpt9.a.b", "aux ", "a.", "a ", "a:b", "a?", "x" * 256,
             "é" * 128, "a\x00", "a\n", "\ud800", ".", "..", "a/b", "a\\b", "con .txt"],
)  # fmt: skip
def test_names_that_some_system_refuses(name: str) -> None:
    assert not is_portable(name)


@pytest.mark.parametrize("name", ["console", "a.b", ".hidden", "é", "a b", "x" * 255, "com", "-"])
def test_names_that_every_system_takes(name: str) -> None:
    assert is_portable(name)


@given(st.text(max_size=20))
def test_a_portable_name_stays_in_its_folder(name: str) -> None:
    if is_portable(name):
        assert Path("root", name).parent == Path("root")
        assert Path("root", name).name == name
