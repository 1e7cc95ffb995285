from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from fhirkit.core import files
from fhirkit.core.errors import FhirkitError, UsageError
from fhirkit.core.files import read_bytes, write_atomic


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        write_atomic(tmp_path / "deep" / "a.json", b"{}")
    finally:
        os.umask(previous)
    path = tmp_path / "deep" / "a.json"
    assert path.read_bytes() == b"{}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_public_file_can_be_read_by_all(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a.json", b"{}", private=False)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o644


@pytest.mark.parametrize("failing", ["fsync", "replace", "write"])
def test_a_failing_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def full(*args: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if failing == "fsync":
        monkeypatch.setattr(files.os, "fsync", full)
    elif failing == "replace":
        monkeypatch.setattr(files.Path, "replace", full)
    else:
        monkeypatch.setattr(files.tempfile, "mkstemp", full)
    with pytest.raises(FhirkitError, match="No space left"):
        write_atomic(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_links_and_folders_are_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    target.write_bytes(b"precious")
    link = tmp_path / "link.json"
    link.symlink_to(target)
    for path in (link, tmp_path):
        with pytest.raises(UsageError, match="not a regular file"):
            write_atomic(path, b"new")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(UsageError, match="not a regular file"):
        write_atomic(fifo, b"new")
    assert target.read_bytes() == b"precious"


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_bytes(tmp_path / "absent.json")
    with pytest.raises(UsageError, match="is a folder"):
        read_bytes(tmp_path)
