"""Derived files: found only when whole and ours, made once, kept within bounds."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fhirkit.core import derived
from fhirkit.core.derived import DerivedFiles

KEY, OTHER = "a" * 64, "b" * 64
DATA = ".data"
TEXT = b"what was derived"


@pytest.fixture
def kept(tmp_path: Path) -> DerivedFiles:
    return DerivedFiles(tmp_path / "kept")


def make(path: Path) -> None:
    path.write_bytes(TEXT)


def never(path: Path) -> None:
    raise AssertionError(f"{path} is made again")


def test_made_once_and_by_its_key(kept: DerivedFiles) -> None:
    assert kept.find("one", KEY, DATA) is None
    first = kept.made("one", KEY, DATA, make)
    assert first is not None
    assert first.read_bytes() == TEXT
    assert kept.made("one", KEY, DATA, never) == first
    second = kept.made("one", OTHER, DATA, make)
    assert second not in (None, first)
    assert kept.size() == 2 * len(TEXT)
    assert kept.clear() == 2 * len(TEXT)
    assert list(kept.folder.iterdir()) == []


def test_d7_no_byte_can_change_unseen(kept: DerivedFiles) -> None:
    path = kept.made("one", KEY, DATA, make)
    assert path is not None
    for place in range(len(TEXT)):
        path.write_bytes(TEXT[:place] + bytes([TEXT[place] ^ 1]) + TEXT[place + 1 :])
        assert kept.find("one", KEY, DATA) is None
        path.write_bytes(TEXT[:place])
        assert kept.find("one", KEY, DATA) is None
    again = kept.made("one", KEY, DATA, make)
    assert again == path
    assert path.read_bytes() == TEXT


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are POSIX's")
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_can_write_is_not_believed(kept: DerivedFiles, mode: int) -> None:
    path = kept.made("one", KEY, DATA, make)
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    path.chmod(mode)
    assert kept.find("one", KEY, DATA) is None
    assert kept.made("one", KEY, DATA, make) == path
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are POSIX's")
def test_a_file_of_another_user_is_not_believed(
    kept: DerivedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept.made("one", KEY, DATA, make)
    assert path is not None
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    mine = path.stat().st_uid in (0, 4321)
    assert (kept.find("one", KEY, DATA) == path) is mine


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_only_a_plain_file_counts(kept: DerivedFiles, tmp_path: Path, kind: str) -> None:
    path = kept.made("one", KEY, DATA, make)
    assert path is not None
    path.unlink()
    if kind == "link":
        (tmp_path / "elsewhere").write_bytes(TEXT)
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert kept.find("one", KEY, DATA) is None


def test_names_of_strangers_stay_in_the_folder(kept: DerivedFiles) -> None:
    for name in ("../../x", "/etc/x", "a\0b", "..", "x" * 500, ""):
        path = kept.made(name, KEY, DATA, make)
        assert path is not None
        assert path.parent == kept.folder
        assert kept.find(name, KEY, DATA) == path


def test_where_nothing_can_be_kept_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert DerivedFiles(tmp_path / "file").made("one", KEY, DATA, make) is None
    assert DerivedFiles(tmp_path / "file" / "below").find("one", KEY, DATA) is None


def test_a_failure_leaves_nothing_behind(kept: DerivedFiles) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise ValueError("the package is broken")

    with pytest.raises(ValueError, match="broken"):
        kept.made("one", KEY, DATA, fail)
    assert kept.find("one", KEY, DATA) is None
    assert [path for path in kept.folder.iterdir() if path.suffix != ".lock"] == []


def test_old_and_many_files_go(kept: DerivedFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derived, "MAX_BYTES", 3 * len(TEXT))
    now = time.time()
    for number in range(3):
        path = kept.made(f"n{number}", KEY, DATA, make)
        assert path is not None
        os.utime(path, (now, now - 1000 * (3 - number)))
    kept.made("new", KEY, DATA, make)
    assert kept.find("n0", KEY, DATA) is None
    assert kept.find("n1", KEY, DATA) is not None
    assert kept.find("new", KEY, DATA) is not None
    path = kept.find("n1", KEY, DATA)
    assert path is not None
    long_ago = now - (derived.KEPT_DAYS + 1) * 86_400
    os.utime(path, (now, long_ago))
    orphan = kept.folder / ".making-x"
    orphan.mkdir()
    os.utime(orphan, (now, long_ago))
    kept.made("newer", KEY, DATA, make)
    assert not path.exists()
    assert not orphan.exists()


def test_use_keeps_a_file(kept: DerivedFiles) -> None:
    path = kept.made("one", KEY, DATA, make)
    assert path is not None
    long_ago = time.time() - 30 * 86_400
    os.utime(path, (long_ago, long_ago))
    assert kept.find("one", KEY, DATA) == path
    assert path.stat().st_mtime > long_ago + 86_400


_RACE = """
import sys, time
from pathlib import Path
from fhirkit.core.derived import DerivedFiles

def make(path):
    time.sleep(0.3)
    path.write_bytes(sys.argv[2].encode())
    Path(sys.argv[1] + ".made").open("a").write("x")

print(DerivedFiles(Path(sys.argv[1])).made("one", "a" * 64, ".data", make).name)
"""


def test_of_processes_at_once_one_makes_it(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    command = [sys.executable, "-c", _RACE, str(folder), "same"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    names = {process.communicate(timeout=60)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0] * 4
    assert len(names) == 1
    assert (folder / names.pop()).read_bytes() == b"same"
    assert Path(f"{folder}.made").read_text() == "x"


def test_the_program_is_part_of_a_key(tmp_path: Path) -> None:
    source = tmp_path / "one.py"
    source.write_text("a = 1\n")
    before = derived.program(tmp_path)
    assert derived.program(tmp_path) == before
    source.write_text("a = 22\n")
    assert derived.program(tmp_path) != before
