"""The stat cache: what is unchanged is not read again, and no edit is missed for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.sync import filecache, worktree
from fhirkit.sync.offline import scanned
from fhirkit.sync.state import State
from fhirkit.sync.worktree import WorkingTree

P, Q = ResourceKey("Patient", "p"), ResourceKey("Patient", "q")
Scan = Callable[[], dict[ResourceKey, str]]


def write(tree: WorkingTree, key: ResourceKey, birth_date: str) -> Path:
    path = tree.root / key.type / f"{key.id}.json"
    path.write_text(json.dumps({"resourceType": key.type, "id": key.id, "birthDate": birth_date}))
    return path


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, _ = WorkingTree.init(tmp_path / "tree")
    (made.root / "Patient").mkdir()
    write(made, P, "1950-01-01")
    write(made, Q, "1950-01-02")
    return made


@pytest.fixture
def hashes(tree: WorkingTree) -> Scan:
    """Scan as a process of its own would: hash by key."""

    def look() -> dict[ResourceKey, str]:
        with State(tree.database) as state:
            return {key: entry.hash for key, entry in scanned(tree, state).entries.items()}

    return look


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were opened."""
    names: list[str] = []
    real = worktree.read_bytes

    def noted(path: Path) -> bytes:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(worktree, "read_bytes", noted)
    return names


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all files had been written a minute before the scan."""
    monkeypatch.setattr(filecache, "_GRAIN", -60_000_000_000)


@pytest.mark.usefixtures("old")
def test_only_what_was_changed_is_read_again(
    tree: WorkingTree, hashes: Scan, read: list[str]
) -> None:
    first = hashes()
    assert sorted(read) == ["p.json", "q.json"]
    read.clear()
    assert hashes() == first
    assert not read
    path = write(tree, Q, "1960-01-01")
    assert hashes()[Q] == content_hash(json.loads(path.read_bytes())) != first[Q]
    assert read == ["q.json"]


def test_an_edit_in_the_instant_of_a_scan_is_seen(
    tree: WorkingTree, hashes: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A clock that stands still: size, both times and inode are the same before and after.
    real = filecache.looks
    monkeypatch.setattr(filecache, "looks", lambda status: (*real(status)[:1], 2**62, 1))
    monkeypatch.setattr(worktree, "looks", filecache.looks)
    first = hashes()
    write(tree, P, "1960-01-01")
    assert hashes()[P] != first[P]


@pytest.mark.usefixtures("old")
@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of the last change of a file")
def test_a_modification_time_that_is_set_back_hides_nothing(
    tree: WorkingTree, hashes: Scan
) -> None:
    times = (1_000_000_000, 1_000_000_000)
    os.utime(tree.path(P), times)
    first = hashes()
    inode = tree.path(P).stat().st_ino
    os.utime(write(tree, P, "1960-01-01"), times)
    assert tree.path(P).stat().st_ino == inode, "written in place, with the same size and time"
    assert hashes()[P] != first[P]


@pytest.mark.usefixtures("old")
def test_a_file_that_became_a_link_is_not_taken_from_the_cache(
    tree: WorkingTree, hashes: Scan, tmp_path: Path
) -> None:
    hashes()
    tree.path(P).rename(tmp_path / "p.json")
    tree.path(P).symlink_to(tmp_path / "p.json")
    assert set(hashes()) == {Q}
