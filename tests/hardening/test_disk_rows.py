"""Disk, rows D1 to D12 of the hardening list: working trees and their state."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.chaos import ChaosServer
from fhirkit.cli.main import cli, run
from fhirkit.core.errors import FhirkitError, UsageError
from fhirkit.core.files import write_atomic

CANARY = "Zyxwv-Canary"
P = {"resourceType": "Patient", "id": "p", "name": [{"family": CANARY}], "birthDate": "1970"}
NEWER = {**P, "birthDate": "1980"}
Command = Callable[..., int]


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    server.put(P)
    for number in range(12):
        server.put({"resourceType": "Observation", "id": f"o{number}", "status": "final"})
    yield server
    server.close()


@pytest.fixture
def fhirkit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """A command in the folder; no output may show a name, and no bug may come up."""
    tree = tmp_path / "tree"
    tree.mkdir()
    monkeypatch.chdir(tree)

    def go(*words: str) -> int:
        code = run(cli, list(words))
        said = capfd.readouterr()
        assert CANARY not in said.out + said.err
        assert code != 70, said.err
        return code

    return go


@pytest.fixture
def tree(tmp_path: Path, server: ChaosServer, fhirkit: Command) -> Path:
    """A working tree that has what the server has."""
    assert fhirkit("init") == 0
    assert fhirkit("remote", "add", "origin", server.url) == 0
    assert fhirkit("pull") == 0
    return tmp_path / "tree"


def read(tree: Path, key: str = "Patient/p") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tree / f"{key}.json").read_bytes())
    return found


def left_over(tree: Path) -> list[str]:
    """Files that a write had begun."""
    return [str(path) for path in tree.rglob(".fhirkit-*")]


# -- D1: no space -----------------------------------------------------------------------------


class Failing:
    """Calls of the operating system, the n-th of which finds no space."""

    def __init__(self, number: int) -> None:
        self.number, self.met = number, 0

    def around(self, real: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.met += 1
            if self.met == self.number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*given, **named)

        return call


@pytest.mark.parametrize(
    ("owner", "name"),
    [(os, "fdopen"), (os, "fsync"), (Path, "replace"), (os, "mkdir"), (tempfile, "mkstemp")],
    ids=["write", "fsync", "rename", "mkdir", "mkstemp"],
)
def test_d01_no_space_at_any_call_leaves_every_file_whole(
    owner: Any, name: str, tree: Path, server: ChaosServer, fhirkit: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    number, year = 0, 1980
    while True:
        number, year = number + 1, year + 1
        before = read(tree)
        now = {**P, "birthDate": str(year)}
        server.put(now)
        server.put({"resourceType": "Basic", "id": f"b{number}"})
        failing = Failing(number)
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, failing.around(getattr(owner, name)))
            code = fhirkit("pull")
        assert read(tree) in (before, now), "the old or the new one"
        assert left_over(tree) == []
        if code == 0:
            assert read(tree) == now
            assert (tree / f"Basic/b{number}.json").is_file()
        assert fhirkit("pull") == 0
        assert read(tree) == now
        if failing.met < number:
            break
    assert number > 1, "the call is made at all"


# -- D2, D3, D4: the order of a write ----------------------------------------------------------


def test_d02_killed_between_any_two_calls_the_file_is_old_or_new(tmp_path: Path) -> None:
    path = tmp_path / "file"
    script = (
        "import os, pathlib, signal, sys\n"
        "from fhirkit.core.files import write_atomic\n"
        "left = [int(sys.argv[2])]\n"
        "def dying(real):\n"
        "    def call(*given, **named):\n"
        "        left[0] -= 1\n"
        "        if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return real(*given, **named)\n"
        "    return call\n"
        "for owner, names in ((os, ('fsync', 'fdopen', 'open', 'close')),\n"
        "                     (pathlib.Path, ('replace', 'mkdir', 'lstat'))):\n"
        "    for name in names: setattr(owner, name, dying(getattr(owner, name)))\n"
        "write_atomic(pathlib.Path(sys.argv[1]), b'new' * 100_000)\n"
    )
    ended, number = -signal.SIGKILL, 0
    seen = set()
    while ended == -signal.SIGKILL:
        number += 1
        path.write_bytes(b"old")
        ended = subprocess.run(
            [sys.executable, "-c", script, str(path), str(number)], check=False
        ).returncode
        assert path.read_bytes() in (b"old", b"new" * 100_000)
        seen.add(path.read_bytes()[:3])
    assert ended == 0
    assert number > 5
    assert seen == {b"old", b"new"}


def test_d03_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        fsync(handle)
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")

    def replaced(self: Path, target: Path) -> Path:
        done.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_atomic(tmp_path / "x", b"x")
    assert done == ["file", "rename", "folder"]


def test_d04_no_other_file_system_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    monkeypatch.setattr(tempfile, "tempdir", None)
    write_atomic(tmp_path / "deep/er/x", b"x")
    assert (tmp_path / "deep/er/x").read_bytes() == b"x"


# -- D5: what stands in a file's place ---------------------------------------------------------


def _link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path, _: Path) -> None:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.close()


def _folder(path: Path, _: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("put", [_link, _fifo, _folder, _socket])
def test_d05_what_is_no_plain_file_is_left_alone(
    put: Any, tree: Path, server: ChaosServer, fhirkit: Command, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    outside = tmp_path / "outside.json"
    outside.write_text("theirs")
    path = tree / "Patient/p.json"
    path.unlink()
    monkeypatch.chdir(path.parent)  # the name of a socket must be short
    put(Path(path.name), outside)
    monkeypatch.chdir(tree)
    before = path.lstat().st_mode
    server.put(NEWER)
    assert fhirkit("pull") in (1, 3)
    assert path.lstat().st_mode == before
    assert outside.read_text() == "theirs"
    assert fhirkit("push", "--delete") in (1, 3), "it is not deleted, it cannot be read"
    assert server.store.read("Patient/p") is not None


def test_d05_a_folder_that_is_a_link_is_not_written_through(
    tree: Path, server: ChaosServer, fhirkit: Command, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tree / "Patient").rename(elsewhere)
    (tree / "Patient").symlink_to(elsewhere)
    before = (elsewhere / "p.json").read_bytes()
    server.put(NEWER)
    assert fhirkit("pull") != 0
    assert fhirkit("push", "--delete", "--max-delete", "100") != 0
    assert (elsewhere / "p.json").read_bytes() == before
    assert server.store.read("Patient/p") is not None


def test_d05_another_name_of_the_same_file_keeps_what_it_had(
    tree: Path, server: ChaosServer, fhirkit: Command, tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    os.link(tree / "Patient/p.json", other)
    server.put(NEWER)
    assert fhirkit("pull") == 0
    assert read(tree)["birthDate"] == "1980"
    assert json.loads(other.read_bytes())["birthDate"] == "1970"


# -- D6: who may read --------------------------------------------------------------------------


def test_d06_nobody_else_may_read_whatever_the_umask(
    tmp_path: Path, server: ChaosServer, fhirkit: Command
) -> None:
    before = os.umask(0)
    try:
        assert fhirkit("init") == 0
        assert fhirkit("remote", "add", "origin", server.url) == 0
        assert fhirkit("pull") == 0
        server.put(NEWER)
        assert fhirkit("pull") == 0
        assert fhirkit("pull", "--remote", server.url, "--type", "Patient", "-o", "out.json") == 0
    finally:
        os.umask(before)
    open_to_others = [
        str(path.relative_to(tmp_path))
        for path in (tmp_path / "tree").rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []
    assert (tmp_path / "tree/.fhirkit").stat().st_mode & 0o077 == 0


# -- D7, D8: the state file --------------------------------------------------------------------


def test_d07_a_byte_that_changed_in_the_state_costs_no_file_and_no_record(
    tree: Path, server: ChaosServer, fhirkit: Command, tmp_path: Path
) -> None:
    database = tree / ".fhirkit/state.db"
    with sqlite3.connect(database) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    good = database.read_bytes()
    kept = tmp_path / "kept"
    shutil.copytree(tree, kept)
    step = max(1, len(good) // 90)
    commits = len(server.store.log)
    for place in range(17, len(good), step):
        shutil.rmtree(tree / ".fhirkit")
        shutil.copytree(kept / ".fhirkit", tree / ".fhirkit")
        spoilt = bytearray(good)
        spoilt[place] ^= 0x41
        database.write_bytes(bytes(spoilt))
        for words in (("status",), ("pull",), ("push",)):
            assert fhirkit(*words) in (0, 1, 2, 3, 4, 5, 6), (place, words)
        for path in kept.glob("[A-Z]*/*.json"):
            now = tree / path.relative_to(kept)
            assert now.read_bytes() == path.read_bytes(), (place, path.name)
    assert len(server.store.log) == commits, "and nothing was written there"


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", b"\x80\x04K\x01.", b"x" * 4096])
def test_d07_another_file_in_its_place_is_said(data: bytes, tree: Path, fhirkit: Command) -> None:
    database = tree / ".fhirkit/state.db"
    for path in tree.glob(".fhirkit/state.db*"):
        path.unlink()
    database.write_bytes(data)
    code = fhirkit("pull")
    # An empty file is a new state: what is equal on both sides is found again.
    assert code == (6 if data else 0)


def test_d08_a_locked_state_is_waited_for_and_then_said(
    tree: Path, fhirkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **named: real(*given, **{**named, "timeout": 0.2})
    )
    holder = real(tree / ".fhirkit/state.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert fhirkit("pull") == 6
    holder.execute("ROLLBACK")
    holder.close()
    assert fhirkit("pull") == 0


# -- D9, D10: places and names -----------------------------------------------------------------


def test_d09_no_home_is_needed(
    tree: Path, server: ChaosServer, fhirkit: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    server.put(NEWER)
    assert fhirkit("pull") == 0
    assert read(tree)["birthDate"] == "1980"


def test_d09_a_tree_that_cannot_be_written_to_is_said(
    tree: Path, server: ChaosServer, fhirkit: Command
) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is read-only for root")
    server.put(NEWER)
    (tree / "Patient").chmod(0o500)
    try:
        assert fhirkit("pull") not in (0, 70)
        assert read(tree)["birthDate"] == "1970"
    finally:
        (tree / "Patient").chmod(0o700)


@pytest.mark.parametrize(
    "logical_id", ["CON", "nul", "a.", ".a", ".", "..", "...", "-", "x" * 64, "aux.json", "p.json"]
)
def test_d10_any_id_that_fhir_allows_comes_and_goes_and_is_not_lost(
    logical_id: str, tree: Path, server: ChaosServer, fhirkit: Command
) -> None:
    resource = {"resourceType": "Basic", "id": logical_id}
    server.put(resource)
    code = fhirkit("pull")
    if logical_id in (".", ".."):
        # A path of dots alone leads elsewhere, so no client can ask for these: that is said.
        assert code == 3
        assert not (tree / "Basic").exists()
    else:
        assert code == 0
        assert (tree / "Basic" / f"{logical_id}.json").is_file()
        assert fhirkit("status", "--check") == 0
    assert {path.parent.parent for path in tree.glob("*/*.json")} == {tree}
    assert fhirkit("push", "--delete") == 0
    assert server.store.read(f"Basic/{logical_id}") is not None


def test_d10_names_that_differ_in_case_only(
    tree: Path, server: ChaosServer, fhirkit: Command
) -> None:
    server.put({"resourceType": "Basic", "id": "Ab"})
    server.put({"resourceType": "Basic", "id": "aB", "language": "en"})
    assert fhirkit("pull") == 0
    assert "language" not in read(tree, "Basic/Ab")
    assert read(tree, "Basic/aB")["language"] == "en"


@pytest.mark.parametrize("name", ["x" * 256, "a\0b"])
def test_d10_a_name_that_no_file_can_have_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises((FhirkitError, UsageError, ValueError)):
        write_atomic(tmp_path / name, b"x")
    assert list(tmp_path.iterdir()) == []


# -- D11, D12: others at work ------------------------------------------------------------------


def test_d11_a_file_that_changes_while_we_read_is_not_overwritten(
    tree: Path, server: ChaosServer, fhirkit: Command
) -> None:
    server.put(NEWER)

    class Editing:
        def serve(self, exchange: Any, target: str) -> bool:
            if "_history" in target:
                (tree / "Patient/p.json").write_text(json.dumps({**P, "active": True}))
            return False

    server.faults = Editing()
    code = fhirkit("pull")
    server.faults = None
    assert code in (0, 4)
    now = read(tree)
    assert now["active"] is True, "what was typed is there, merged or not"
    assert fhirkit("pull") in (0, 4)
    assert read(tree)["active"] is True


def test_d12_another_run_is_told_and_a_dead_one_holds_nothing(tree: Path, fhirkit: Command) -> None:
    holder = (
        "import pathlib, sys\n"
        "from fhirkit.sync.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tree / ".fhirkit")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert fhirkit("pull") == 6
        assert fhirkit("status") == 0, "which only reads"
        process.kill()
        process.wait()
    assert fhirkit("pull") == 0
